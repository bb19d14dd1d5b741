// Package post sends one request over HTTP, and says what came of it in the words of package notify. It is what the
// channels over HTTP have in common.
//
// It must not know what is in a request. An address may hold a secret, so no error repeats more of it than its host.
package post

import (
	"bytes"
	"context"
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
	mostAnswer = 64 << 10 // bytes that are read of an answer
	mostQuoted = 200      // bytes of it that are repeated in a reason
)

// never are answers to a message that will not be taken however often it comes.
var never = []int{http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}

// unknown are answers of something that stands before the other side, which may have taken it.
var unknown = []int{http.StatusBadGateway, http.StatusGatewayTimeout}

// JSON posts a body that is JSON, with headers of its own.
func JSON(ctx context.Context, c *http.Client, address string, header http.Header, body []byte) error {
	var out atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { out.Store(true) }})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return notify.Refuse("the address is not one that can be asked")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Lull")
	answer, err := c.Do(r)
	if err != nil {
		err = fmt.Errorf("ask %s: %w", r.URL.Hostname(), inner(err))
		if out.Load() {
			err = fmt.Errorf("%w: %w", notify.ErrUnanswered, err)
		}
		return err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, mostAnswer)) // the status is the answer
	return verdict(r.URL.Hostname(), answer, quoted(said))
}

func verdict(host string, answer *http.Response, said string) error {
	code := answer.StatusCode
	text := fmt.Sprintf("%s answered %d %s", host, code, http.StatusText(code))
	if said != "" {
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
		if wait := retryAfter(answer.Header.Get("Retry-After")); wait > 0 {
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
