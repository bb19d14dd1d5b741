// Package post sends one request over HTTP, and says what came of it in the words of package notify. It is what the
// channels over HTTP have in common.
//
// It must not know what is in a request. An address may hold a secret, so no error repeats more of it than its host.
package post

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/lullhq/lull/internal/notify"
)

const (
	mostAnswer = 64 << 10 // bytes that are read of an answer that only has to be a yes
	mostList   = 8 << 20  // bytes that are read of one that is made use of
	mostQuoted = 200      // bytes of it that are repeated in a reason
)

// never are answers to a message that will not be taken however often it comes.
var never = []int{http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}

// unknown are answers of something that stands before the other side, which may have taken it.
var unknown = []int{http.StatusBadGateway, http.StatusGatewayTimeout}

// JSON posts a body that is JSON, with headers of its own.
func JSON(ctx context.Context, c *http.Client, address string, header http.Header, body []byte) error {
	_, err := do(ctx, c, http.MethodPost, address, header, body, mostAnswer)
	return err
}

// Ask sends a request and reads the JSON that it is answered with. What nil stands for is left out: in is what is sent,
// out what is read. The headers of the answer are given also with an error, if there was an answer.
func Ask(ctx context.Context, c *http.Client, method, address string, header http.Header, in, out any) (http.Header, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	answer, err := do(ctx, c, method, address, header, body, mostList)
	if err != nil || out == nil {
		return answer.header, err
	}
	if err := json.Unmarshal(answer.body, out); err != nil {
		return answer.header, fmt.Errorf("%w: read what %s answered: it is not the JSON that it documents", notify.ErrUnanswered, answer.host)
	}
	return answer.header, nil
}

type answered struct {
	host   string
	header http.Header
	body   []byte
}

func do(ctx context.Context, c *http.Client, method, address string, header http.Header, body []byte, most int64) (out answered, err error) {
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return out, notify.Refuse("the address is not one that can be asked")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("User-Agent", "Lull")
	out.host = r.URL.Hostname()
	answer, err := c.Do(r)
	if err != nil {
		err = fmt.Errorf("ask %s: %w", out.host, inner(err))
		if sent.Load() {
			err = fmt.Errorf("%w: %w", notify.ErrUnanswered, err)
		}
		return out, err
	}
	defer answer.Body.Close()
	out.header = answer.Header
	out.body, _ = io.ReadAll(io.LimitReader(answer.Body, most)) // the status is the answer
	return out, verdict(out.host, answer, out.body)
}

func verdict(host string, answer *http.Response, body []byte) error {
	code := answer.StatusCode
	text := fmt.Sprintf("%s answered %d %s", host, code, http.StatusText(code))
	if said := quoted(body); said != "" {
		text += ": " + said
	}
	switch {
	case code >= 200 && code < 300:
		return nil
	case code >= 300 && code < 400:
		return errors.New(text + "; name the address that it leads to")
	case slices.Contains(never, code):
		return &notify.Refused{Reason: text}
	case slices.Contains(unknown, code):
		return fmt.Errorf("%w: %s", notify.ErrUnanswered, text)
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		if wait := max(retryAfter(answer.Header.Get("Retry-After")), retryIn(body)); wait > 0 {
			return &notify.Busy{For: wait, Err: errors.New(text)}
		}
	}
	return errors.New(text)
}

// retryAfter reads a number of seconds. A date is for those who share a clock.
func retryAfter(s string) time.Duration {
	seconds, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || seconds < 0 || seconds > 24*60*60 {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// retryIn reads the seconds that Discord ("retry_after") and Telegram ("parameters") write into the body.
func retryIn(body []byte) time.Duration {
	var said struct {
		After      json.Number `json:"retry_after"`
		Parameters struct {
			After json.Number `json:"retry_after"`
		} `json:"parameters"`
	}
	if json.Unmarshal(body, &said) != nil {
		return 0
	}
	return max(retryAfter(said.After.String()), retryAfter(said.Parameters.After.String()))
}

// inner is an error without the address that net/http puts before it.
func inner(err error) error {
	var with *url.Error
	if errors.As(err, &with) {
		return with.Err
	}
	return err
}

// quoted is one line of what the other side said.
func quoted(b []byte) string {
	s := strings.ToValidUTF8(string(b[:min(len(b), mostQuoted)]), "")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
