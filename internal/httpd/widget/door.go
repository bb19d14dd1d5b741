package widget

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lullhq/lull/internal/inapp"
)

// caller is who asks, as the product has vouched for.
type caller struct {
	who     inapp.Who
	person  inapp.Person
	until   time.Time
	channel Channel
}

func (c caller) name() string { return c.who.Channel + "\x00" + c.who.ID }

// signed lets only those in who have a token, from a page of the product if from any.
func (w *Widget) signed(answer func(http.ResponseWriter, *http.Request, caller)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		channel, open := w.door(rw, r)
		if !open {
			return
		}
		person, until, err := channel.Keys().Identify(bearer(r), w.opts.Now())
		if err != nil {
			rw.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(rw, err.Error(), http.StatusUnauthorized)
			return
		}
		if person.Language == "" {
			person.Language = channel.Language
		}
		answer(rw, r, caller{who: inapp.Who{Channel: r.PathValue("channel"), ID: person.ID}, person: person, until: until, channel: channel})
	}
}

// door says whether a page of that origin may ask. A program that is no browser names no origin, and has a token or not.
func (w *Widget) door(rw http.ResponseWriter, r *http.Request) (Channel, bool) {
	channel, known := w.opts.Channels[r.PathValue("channel")]
	if !known {
		http.Error(rw, "there is no such widget", http.StatusNotFound)
		return channel, false
	}
	h := rw.Header()
	h.Set("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return channel, true
	}
	if !slices.Contains(channel.Origins, origin) {
		http.Error(rw, "pages of this origin may not ask: add it to origins in lull.yaml", http.StatusForbidden)
		return channel, false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	return channel, true
}

// preflight answers a browser that asks before it asks. Cookies are never wanted.
func (w *Widget) preflight(rw http.ResponseWriter, r *http.Request) {
	if _, open := w.door(rw, r); !open {
		return
	}
	h := rw.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID")
	h.Set("Access-Control-Max-Age", preflightKept)
	rw.WriteHeader(http.StatusNoContent)
}

func busy(rw http.ResponseWriter, wait time.Duration) {
	rw.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	http.Error(rw, "slower, please", http.StatusTooManyRequests)
}

func tooLarge(err error) bool {
	var much *http.MaxBytesError
	return errors.As(err, &much)
}
