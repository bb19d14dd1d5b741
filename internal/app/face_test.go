package app

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/lullhq/lull/internal/httpd"
)

// face serves the page while f asks for it.
func face(t *testing.T, s *httpd.Server, f func(get func(path string) (code int, body string, headers map[string][]string))) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	defer func() {
		stop()
		check(t, <-ended)
	}()
	f(func(path string) (int, string, map[string][]string) {
		t.Helper()
		answer, err := http.Get("http://" + l.Addr().String() + path)
		check(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		check(t, err)
		return answer.StatusCode, string(body), answer.Header
	})
}
