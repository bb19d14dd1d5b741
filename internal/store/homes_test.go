package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
	"github.com/lullhq/lull/internal/run/runtest"
	"github.com/lullhq/lull/internal/store"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/timeline/logtest"
)

// TestMain lets the test binary be a lull process of its own: one that can be killed.
func TestMain(m *testing.M) {
	switch os.Getenv("LULL_TEST_PROCESS") {
	case "open":
		os.Exit(openAndClose())
	case "run":
		os.Exit(runFiles())
	case "send":
		os.Exit(sendNotices())
	}
	os.Exit(m.Run())
}

// process is a lull process on the store at place, whose world is the folder dir.
func process(ctx context.Context, role, place, dir string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "LULL_TEST_PROCESS="+role, "LULL_TEST_PLACE="+place, "LULL_TEST_DIR="+dir)
	return cmd
}

// openAt opens a store in its home: a path, or a connection string.
func openAt(ctx context.Context, place string) (*store.Store, error) {
	if filepath.IsAbs(place) {
		return store.Open(ctx, place)
	}
	return store.OpenPostgres(ctx, place)
}

// home is where stores can live.
type home struct {
	server bool                      // it is a server, not files
	place  func(t *testing.T) string // of a store that is not there yet
}

func (h home) open(t *testing.T, place string) *store.Store {
	t.Helper()
	s, err := openAt(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (h home) openNew(t *testing.T) *store.Store { return h.open(t, h.place(t)) }

func inFiles(*testing.T) home {
	return home{place: func(t *testing.T) string { return filepath.Join(t.TempDir(), "lull.db") }}
}

// onServer is a server of that version, and a schema of it for each store.
func onServer(major int) func(t *testing.T) home {
	return func(t *testing.T) home {
		s := pgtest.Start(t, major, pgtest.Options{Settings: map[string]string{"max_connections": "400"}})
		return home{server: true, place: schemas(s)}
	}
}

func schemas(s *pgtest.Server) func(t *testing.T) string {
	var n atomic.Int64
	return func(t *testing.T) string {
		name := fmt.Sprint("store_", n.Add(1))
		s.Exec(t, "postgres", "CREATE SCHEMA "+name)
		return s.DSN("postgres") + " search_path=" + name
	}
}

// TestStores is what every store must do, wherever it lives.
func TestStores(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(*testing.T) home{"sqlite": inFiles, "postgres 13": onServer(13), "postgres 17": onServer(17)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "postgres 13" && testing.Short() {
				t.Skip("the newer version takes minutes already")
			}
			h := build(t)
			for name, test := range map[string]func(*testing.T, home){
				"log": testLog, "journal": testJournal, "crashes": testCrashes, "crashes of aborts": testCrashesOfAborts,
				"append-only": testAppendOnly, "newer event": testNewerEvent, "opened by many": testOpenedByMany, "changed": testChanged,
				"no entry is passed over": testNoEntryIsPassedOver, "tokens": testTokens, "subscribers": testSubscribers, "subscribers of a move": testSubscribersOfAMove, "asking": testAsking, "bounces": testBounces, "deliveries": testDeliveries, "faults of deliveries": testFaultsOfDeliveries, "people": testPeople, "faults of people": testFaultsOfPeople, "samples": testSamples, "ring": testRing, "wake": testWake,
				"checks": testChecks,
				"kill":   testKill, "kill the sender": testKillTheSender, "kill frees the lease": testKillFreesTheLease, "lease is lost": testLeaseIsLost,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					if testing.Short() && h.server && (name == "crashes of aborts" || strings.HasPrefix(name, "faults of ")) {
						t.Skip("a schema for each of hundreds of cases takes minutes; files have them all")
					}
					test(t, h)
				})
			}
		})
	}
}

func testLog(t *testing.T, h home) {
	logtest.Run(t, func(t *testing.T) timeline.Log { return h.openNew(t) })
}

func testJournal(t *testing.T, h home) {
	runtest.Conform(t, func(t *testing.T) runtest.Subject {
		place := h.place(t)
		s := h.open(t, place)
		return runtest.Subject{Journal: s, Log: s, Other: h.open(t, place), Break: func(id maint.ID) {
			if err := s.Break(t.Context(), id); err != nil {
				t.Error(err)
			}
		}}
	})
}

// filesInOneStore gives plans that share a store, each under an id of its own, as maintenances do.
func filesInOneStore(t *testing.T, h home) func(t *testing.T) runtest.Case {
	s := h.openNew(t)
	var n atomic.Int64
	return func(t *testing.T) runtest.Case {
		return runtest.FilesCase(maint.ID(fmt.Sprint("m", n.Add(1))), t.TempDir(), s, s)
	}
}

func testCrashes(t *testing.T, h home) { runtest.Crashes(t, filesInOneStore(t, h)) }

func testCrashesOfAborts(t *testing.T, h home) { runtest.Aborts(t, filesInOneStore(t, h)) }

func testAppendOnly(t *testing.T, h home) {
	s := h.openNew(t)
	appendOne(t, s)
	for _, statement := range []string{`DELETE FROM entries`, `UPDATE entries SET at = 0`} {
		if _, err := s.Writer().ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func appendOne(t *testing.T, s *store.Store) timeline.Entry {
	t.Helper()
	added, err := s.Append(t.Context(), "m", timeline.AnyVersion, timeline.Draft{Event: maint.Started{}})
	if err != nil {
		t.Fatal(err)
	}
	return added[0]
}

func testNewerEvent(t *testing.T, h home) {
	s := h.openNew(t)
	if _, err := s.Writer().ExecContext(t.Context(),
		`INSERT INTO entries (subject, version, at, kind, data) VALUES ('m', 1, 0, 'teleported', '{}')`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.History(t.Context(), "m"); err == nil || !strings.Contains(err.Error(), `entry 1 of the timeline: decode event: unknown kind "teleported"`) {
		t.Errorf("got %v", err)
	}
}

func openAndClose() int {
	s, err := openAt(context.Background(), os.Getenv("LULL_TEST_PLACE"))
	if err == nil {
		_, err = s.Append(context.Background(), "m", timeline.AnyVersion, timeline.Draft{At: time.Now(), Event: maint.Started{}})
		err = errors.Join(err, s.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// Server, run and schedule may all be the first to open the same store.
func testOpenedByMany(t *testing.T, h home) {
	place := h.place(t)
	const processes, stores = 4, 4
	results := make(chan error, processes+stores)
	for range processes {
		go func() {
			out, err := process(t.Context(), "open", place, "").CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			results <- err
		}()
	}
	for range stores {
		go func() {
			s, err := openAt(t.Context(), place)
			if err == nil {
				err = s.Close()
			}
			results <- err
		}()
	}
	for range processes + stores {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	s := h.open(t, place)
	if entries := history(t, s); len(entries) != processes {
		t.Errorf("%d entries", len(entries))
	}
	var twice int
	if err := s.Reader().QueryRowContext(t.Context(), `SELECT count(*) - count(DISTINCT version_id) FROM goose_db_version`).Scan(&twice); err != nil || twice != 0 {
		t.Errorf("%d migrations ran twice, %v", twice, err)
	}
}

func testChanged(t *testing.T, h home) {
	place := h.place(t)
	s, reader := h.open(t, place), h.open(t, place)
	changed := func(after int64) bool {
		t.Helper()
		c, err := reader.Changed(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if changed(0) {
		t.Error("an empty log has changed")
	}
	added := appendOne(t, s)
	if !changed(0) || !changed(added.Seq-1) || changed(added.Seq) {
		t.Error("a new entry is not told from an old one")
	}
}

// Each writer has a store of its own, as replicas do. A number that is given is not seen before all lower ones are.
func testNoEntryIsPassedOver(t *testing.T, h home) {
	place := h.place(t)
	const writers, each = 4, 25
	ended := make(chan error, writers)
	for i := range writers {
		s := h.open(t, place)
		go func() {
			var err error
			for n := 0; n < each && err == nil; n++ {
				_, err = s.Append(t.Context(), maint.ID(fmt.Sprint("m", i)), timeline.AnyVersion, timeline.Draft{Event: maint.Started{}})
			}
			ended <- err
		}()
	}
	reader := h.open(t, place)
	var seen, after int64
	for left := writers; ; {
		last := left == 0
		entries, err := reader.Read(t.Context(), after, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) > 0 {
			seen, after = seen+int64(len(entries)), entries[len(entries)-1].Seq
			continue
		}
		if last {
			break
		}
		select {
		case err := <-ended:
			if left--; err != nil {
				t.Fatal(err)
			}
		default:
		}
	}
	if seen != writers*each {
		t.Errorf("a reader saw %d of %d entries", seen, writers*each)
	}
}

// count is a number that a query answers with.
func count(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
