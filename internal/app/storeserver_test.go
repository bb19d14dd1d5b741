package app

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/say"
)

// The Postgres server that the store is on stops while the page is served: the last page stays and says how old it
// is, what people type is refused, and all goes on by itself once the server is there again.
func TestStoppedStoreIsWaitedFor(t *testing.T) {
	t.Parallel()
	db := pgtest.Start(t, 17, pgtest.Options{Databases: []string{"lull"}})
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(db.Password+"\n"), 0o600))
	a := opened(t, dir, fmt.Sprintf("store: {dsn: %q, password_file: secret}\ncomponents: {app: {name: App}}\n", db.Server.DSN("lull", pgtest.Superuser)))
	var later atomic.Int64 // what the clock is ahead of the real one
	a.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	open := func(name, title string) error {
		_, err := a.OpenIncident(t.Context(), say.Incident{Name: name, Title: title, Status: maint.Investigating, Severity: maint.Minor, Text: "We look."})
		return err
	}
	check(t, open("slow", "Slow answers"))

	page := served(t, a)
	page.until(true, "Slow answers")
	check(t, db.Stop(t.Context(), "fast"))
	later.Store(int64(time.Hour))
	page.until(true, "This page is 60 minutes old.")
	page.until(true, "Slow answers")
	if err := open("mail", "Late mail"); err == nil {
		t.Error("an incident was put on a record that is not there")
	}
	check(t, db.Spawn(t.Context(), nil))
	page.until(false, "This page is 60 minutes old.")
	check(t, open("mail", "Late mail"))
	page.until(true, "Late mail")
}

// readable is a page that is served.
type readable struct {
	t   *testing.T
	url string
}

func served(t *testing.T, a *App) readable {
	t.Helper()
	s, err := a.server(a.store.Wake(t.Context()), nil, nil)
	check(t, err)
	var following sync.WaitGroup
	check(t, s.Read(t.Context()))
	following.Go(func() { s.Follow(t.Context()) })
	t.Cleanup(following.Wait) // t's context has ended by then
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return readable{t, srv.URL + "/"}
}

// until waits until the page says the words, or says them no more. There is always a page.
func (p readable) until(says bool, words string) {
	p.t.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(p.url)
		check(p.t, err)
		body, err := io.ReadAll(answer.Body)
		check(p.t, err)
		check(p.t, answer.Body.Close())
		if answer.StatusCode != http.StatusOK || time.Since(began) > patience {
			p.t.Fatalf("the page answers %d, and %q on it is to be %t:\n%s", answer.StatusCode, words, says, body)
		}
		if strings.Contains(string(body), words) == says {
			return
		}
	}
}
