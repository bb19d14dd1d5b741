package proofread

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Written is an address of the web, and where somebody has written it.
type Written struct{ Address, Where string }

// link ends at what no address has in it, and where a script without spaces goes on.
var link = regexp.MustCompile("(?i)https?://[^\\s<>\"`{}|\\\\^\\p{Han}\\p{Hiragana}\\p{Katakana}\\x{3000}-\\x{303f}\\x{ff00}-\\x{ffef}]+")

// Links finds the addresses of the web in a text or in Markdown, in order, each once.
func Links(text string) (out []string) {
	for _, found := range link.FindAllString(text, -1) {
		address := ended(found)
		if u, err := url.Parse(address); err == nil && u.Host != "" && !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	return out
}

// ended takes off what belongs to the sentence around an address.
func ended(s string) string {
	for {
		short := strings.TrimRight(s, ".,;:!?'*_’”")
		for _, pair := range []string{"()", "[]"} {
			if last := pair[1:]; strings.HasSuffix(short, last) && strings.Count(short, last) > strings.Count(short, pair[:1]) {
				short = short[:len(short)-1]
			}
		}
		if short == s {
			return s
		}
		s = short
	}
}

// Spellings gives the addresses that are there in more spellings than one: with http and https, with www and without, with a slash at
// the end and without. Each spelling is named once, with the first place where it stands.
func Spellings(all []Written) (out [][]Written) {
	groups := map[string][]Written{}
	var order []string
	for _, w := range all {
		same, spelt, err := sameness(w.Address)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(groups[same], func(x Written) bool {
			_, was, _ := sameness(x.Address) // it was parsed before
			return was == spelt
		}) {
			continue
		}
		if groups[same] == nil {
			order = append(order, same)
		}
		groups[same] = append(groups[same], w)
	}
	for _, same := range order {
		if len(groups[same]) > 1 {
			out = append(out, groups[same])
		}
	}
	return out
}

// sameness is what all spellings of an address have in common, and the spelling by which it is told from the others.
func sameness(address string) (same, spelt string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", "", errors.Join(err, errors.New("it has no host"))
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	if u.Path == "" { // RFC 3986, 6.2.3
		u.Path = "/"
	}
	rest := *u
	rest.Scheme, rest.Host, rest.Path = "", strings.TrimPrefix(u.Host, "www."), strings.TrimSuffix(u.Path, "/")
	rest.RawPath = ""
	return rest.String(), u.String(), nil
}

// ErrElsewhere says that an address answers, and leads to another one or asks who is there.
var ErrElsewhere = errors.New("it does not show what it is to show")

// answerDeadline is how long an address may take to answer. A reader has less patience.
const answerDeadline = 10 * time.Second

// Answers says whether an address shows something to whoever follows it: nil when it answers 200. A redirect, and a page for those
// alone who have logged in, are ErrElsewhere. The client must not follow redirects.
func Answers(ctx context.Context, client *http.Client, address string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerDeadline, fmt.Errorf("no answer within %s", answerDeadline))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "Lull (does this address answer)")
	resp, err := client.Do(req)
	var failed *url.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &failed):
		return failed.Err // the address is named by whoever tells of it
	case err != nil:
		return err
	}
	_ = resp.Body.Close() // its head has said it
	location, _ := resp.Location()
	switch {
	case resp.StatusCode == http.StatusOK:
		return nil
	case resp.StatusCode/100 == 3 && location != nil:
		return fmt.Errorf("%w: it leads to %s", ErrElsewhere, location.Redacted())
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: it answers %s", ErrElsewhere, resp.Status)
	}
	return &Answered{resp.Status}
}

// Answered is an answer other than 200.
type Answered struct{ Status string }

func (a *Answered) Error() string { return "it answers " + a.Status }
