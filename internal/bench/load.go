package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/pgserver"
)

// connections is how many clients ask at once, each as soon as it has its answer, or at a given rate.
const connections = 64

var (
	wrkRate   = regexp.MustCompile(`(?m)^Requests/sec:\s+([0-9.]+)$`)
	wrkErrors = regexp.MustCompile(`(?m)^\s*(Socket errors|Non-2xx or 3xx responses):.*$`)
)

// saturate lets wrk ask as often as it gets answers, and gives the requests a second.
func saturate(ctx context.Context, url string, length time.Duration) (float64, error) {
	program, err := pgserver.FindWrk()
	if err != nil {
		return 0, err
	}
	out, err := exec.CommandContext(ctx, program, "--threads", "2", "--connections", strconv.Itoa(connections),
		"--duration", strconv.Itoa(int(length.Seconds()))+"s", "--header", "Accept-Encoding: gzip", url).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("run wrk: %w: %s", err, out)
	}
	return readWrk(string(out))
}

func readWrk(out string) (float64, error) {
	if complaint := wrkErrors.FindString(out); complaint != "" {
		return 0, fmt.Errorf("wrk: %s", complaint)
	}
	m := wrkRate.FindStringSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("wrk says no rate: %.200q", out)
	}
	return strconv.ParseFloat(m[1], 64)
}

// pace asks at that rate, whether answers come or not, and gives the time within which 99 of 100 were there. It counts
// from when the request was due: one that had to wait for another's answer has waited too.
func pace(ctx context.Context, address string, rate float64, length time.Duration) (p99 time.Duration, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, err
	}
	request := []byte("GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAccept-Encoding: gzip\r\n\r\n")
	took := make([][]time.Duration, connections)
	every := time.Duration(connections / rate * float64(time.Second))
	var all errgroup.Group
	began := time.Now().Add(100 * time.Millisecond)
	for i := range connections {
		all.Go(func() (err error) {
			c := client{request: request, due: began.Add(every * time.Duration(i) / connections), every: every, until: began.Add(length)}
			took[i], err = c.ask(ctx, u.Host)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return 0, err
	}
	v := slices.Sorted(slices.Values(slices.Concat(took...)))
	if len(v) == 0 {
		return 0, errors.New("no request was answered")
	}
	return v[len(v)*99/100], nil
}

// client asks again and again on one connection.
type client struct {
	request    []byte
	due, until time.Time
	every      time.Duration
}

func (c client) ask(ctx context.Context, host string) (took []time.Duration, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	in := bufio.NewReader(conn)
	for ; c.due.Before(c.until); c.due = c.due.Add(c.every) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		time.Sleep(time.Until(c.due))
		if _, err := conn.Write(c.request); err != nil {
			return nil, err
		}
		if err := discard(in); err != nil {
			return nil, err
		}
		took = append(took, time.Since(c.due))
	}
	return took, nil
}

func discard(in *bufio.Reader) error {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", resp.Status)
	}
	return nil
}
