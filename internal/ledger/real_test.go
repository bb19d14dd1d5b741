package ledger_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/ledger"
	"github.com/lullhq/lull/internal/pgserver"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// running is a ledger that writes until the test ends it.
type running struct {
	file   string
	cancel context.CancelFunc
	done   chan struct{}
	sum    ledger.Summary
	err    error
}

func start(t *testing.T, dsn string, clients int) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{file: filepath.Join(t.TempDir(), "ledger"), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.sum, r.err = ledger.Run(ctx, ledger.Options{DSN: dsn, File: r.file, Clients: clients, Rate: 400})
	}()
	t.Cleanup(func() { cancel(); <-r.done })
	return r
}

// acked waits until so many more lines of the file speak of acknowledged commits.
func (r *running) acked(t *testing.T, more int) {
	t.Helper()
	want := r.count(`"o":"acked"`) + more
	r.until(t, func() bool { return r.count(`"o":"acked"`) >= want })
}

// ackedEach waits until each of the clients has so many: on a busy machine one may do the work of all.
func (r *running) ackedEach(t *testing.T, clients, each int) {
	t.Helper()
	for c := range clients {
		r.until(t, func() bool { return r.count(fmt.Sprintf(`"o":"acked","c":%d,`, c+1)) >= each })
	}
}

// committed waits until so many more are there on the server: what the file says of may be from long before.
func (r *running) committed(t *testing.T, s *pgtest.Server, more int) {
	t.Helper()
	conn := s.Connect(t, "postgres")
	count := func() (n int) {
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM lull_ledger").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	want := count() + more
	r.until(t, func() bool { return count() >= want })
}

func (r *running) count(text string) int {
	b, _ := os.ReadFile(r.file)
	return strings.Count(string(b), text)
}

func (r *running) until(t *testing.T, done func() bool) {
	t.Helper()
	for ; !done(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-r.done:
			t.Fatalf("the ledger ended: %v", r.err)
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		default:
		}
	}
}

func (r *running) end(t *testing.T) ledger.Summary {
	t.Helper()
	r.cancel()
	<-r.done
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.sum
}

func verify(t *testing.T, dsn, file string) ledger.Verdict {
	t.Helper()
	v, err := ledger.Verify(t.Context(), dsn, file)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAllIsWell(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 13, pgtest.Options{})
	b := pgtest.StartBouncer(t, s, pgtest.BouncerOptions{}, "postgres")
	r := start(t, b.DSN("postgres"), 4)
	r.acked(t, 40)
	sum := r.end(t)
	if !sum.Sound() || sum.Acked < 40 || sum.Statements != 4*sum.Acked || sum.Ended.IsZero() {
		t.Errorf("got summary %+v", sum)
	}
	if sum.P50Millis <= 0 || sum.P50Millis > sum.P99Millis || sum.P99Millis > sum.MaxMillis || sum.LongestMoments[0].Millis != sum.MaxMillis {
		t.Errorf("times are out of order: %+v", sum)
	}
	kept, err := ledger.ReadSummary(r.file)
	if err != nil || kept.Acked != sum.Acked || kept.Ended.IsZero() {
		t.Errorf("the file of the summary says %+v, %v", kept, err)
	}
	all, err := ledger.ReadStatements(r.file)
	if err != nil || int64(len(all)) != sum.Statements || len(all.Failed()) != 0 {
		t.Errorf("got %d statements of %d, %v", len(all), sum.Statements, err)
	}
	v := verify(t, b.DSN("postgres"), r.file)
	if !v.Sound() || int64(v.Acked) != sum.Acked || v.Found != v.Acked || v.Unrecorded != 0 {
		t.Errorf("got verdict %+v", v)
	}
}

func TestLostAndDoubledCommitsAreNamed(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	r := start(t, s.DSN("postgres"), 2)
	r.ackedEach(t, 2, 10)
	r.end(t)
	s.Exec(t, "postgres",
		"DELETE FROM lull_ledger WHERE client = 1 AND n IN (2, 3)",
		"ALTER TABLE lull_ledger DROP CONSTRAINT lull_ledger_pkey",
		"INSERT INTO lull_ledger SELECT * FROM lull_ledger WHERE client = 2 AND n = 4",
		"UPDATE lull_ledger SET seq = seq + 1000000 WHERE client = 2 AND n = 1",
		"INSERT INTO lull_ledger SELECT run, 9, 1, seq, sent_at FROM lull_ledger WHERE client = 2 AND n = 2")
	v := verify(t, s.DSN("postgres"), r.file)
	for _, c := range []struct {
		what string
		got  ledger.Numbers
		want []ledger.Number
	}{
		{"lost", v.Lost, []ledger.Number{{Client: 1, N: 2}, {Client: 1, N: 3}}},
		{"doubled", v.Doubled, []ledger.Number{{Client: 2, N: 4}}},
		{"changed", v.Changed, []ledger.Number{{Client: 2, N: 1}}},
		{"same sequence value", v.SameSeq, []ledger.Number{{Client: 9, N: 1}}},
		{"revived", v.Revived, nil},
	} {
		if c.got.Count != len(c.want) || !slices.Equal(c.got.First, c.want) {
			t.Errorf("%s: got %+v, want %v", c.what, c.got, c.want)
		}
	}
	if v.Unrecorded != 1 || v.Found != v.Acked-2 || v.Sound() {
		t.Errorf("got verdict %+v", v)
	}
}

func TestRewoundSequenceIsFound(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	r := start(t, s.DSN("postgres"), 2)
	r.acked(t, 20)
	s.Exec(t, "postgres", "SELECT setval('lull_ledger_seq', 1)")
	r.committed(t, s, 5)
	sum := r.end(t)
	if sum.SequencesBack == 0 || sum.StaleReads != 0 || sum.Findings[0].Kind != ledger.SequenceBack || sum.Sound() {
		t.Errorf("got summary %+v", sum)
	}
	if v := verify(t, s.DSN("postgres"), r.file); v.SameSeq.Count == 0 || v.Lost.Count != 0 {
		t.Errorf("got verdict %+v", v)
	}
}

// A pooler is pointed at another server with nothing carried over: the careless switch.
func TestServerThatLagsIsFound(t *testing.T) {
	t.Parallel()
	old, lagging := pgtest.Start(t, 13, pgtest.Options{}), pgtest.Start(t, 17, pgtest.Options{})
	users := map[string]string{pgtest.Superuser: old.Password, "app": "secret"}
	for _, s := range []*pgtest.Server{old, lagging} {
		s.Exec(t, "postgres", "SET password_encryption = 'scram-sha-256'", "CREATE ROLE app SUPERUSER LOGIN PASSWORD 'secret'")
	}
	b := pgtest.StartBouncer(t, old, pgtest.BouncerOptions{}, "postgres")
	point := func(s *pgtest.Server) {
		t.Helper()
		err := b.Configure(pgserver.Pooling{Users: users, Settings: map[string]string{"admin_users": pgtest.Superuser},
			Databases: map[string]string{"postgres": fmt.Sprintf("host=127.0.0.1 port=%d user=app password=secret", s.Port)}})
		if err != nil {
			t.Fatal(err)
		}
	}
	admin := b.Connect(t, "pgbouncer")
	ask := func(sql string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	point(lagging)
	ask("RELOAD")
	first := start(t, b.DSN("postgres"), 1) // so that the table is there
	first.acked(t, 1)
	first.end(t)
	lagging.Exec(t, "postgres", "SELECT setval('lull_ledger_seq', 1)")
	point(old)
	ask("RELOAD")
	r := start(t, b.DSN("postgres"), 2)
	r.acked(t, 20)
	ask("PAUSE")
	point(lagging)
	ask("RELOAD")
	ask("RESUME")
	r.committed(t, lagging, 5)
	sum := r.end(t)
	if sum.StaleReads == 0 || sum.SequencesBack == 0 {
		t.Errorf("got summary %+v", sum)
	}
	if v := verify(t, b.DSN("postgres"), r.file); v.Lost.Count < 20 || v.Acked != v.Found+v.Lost.Count {
		t.Errorf("got verdict %+v", v)
	}
}

func TestRestartIsCountedAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	r := start(t, s.DSN("postgres"), 4)
	r.acked(t, 20)
	if err := s.Stop(t.Context(), "fast"); err != nil {
		t.Fatal(err)
	}
	if err := s.Spawn(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r.committed(t, s, 20)
	sum := r.end(t)
	if sum.FailedStatements == 0 || sum.Failed+sum.Unknown == 0 || len(sum.States) == 0 || sum.StaleReads+sum.SequencesBack != 0 {
		t.Errorf("got summary %+v", sum)
	}
	v := verify(t, s.DSN("postgres"), r.file)
	if !v.Sound() || int64(v.UnknownThere+v.UnknownNotThere) != sum.Unknown {
		t.Errorf("got verdict %+v of summary %+v", v, sum)
	}
}

// A deferred constraint speaks up at COMMIT: the one failure there that is sure.
func TestFailedCommitIsNotUnknown(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	r := start(t, s.DSN("postgres"), 2)
	r.acked(t, 5)
	s.Exec(t, "postgres",
		"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.n % 3 = 0 THEN RAISE EXCEPTION ''third''; END IF; RETURN NULL; END'",
		"CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON lull_ledger DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()")
	r.committed(t, s, 10)
	sum := r.end(t)
	if sum.Failed == 0 || sum.Unknown != 0 || sum.States["P0001"] != sum.Failed {
		t.Errorf("got summary %+v", sum)
	}
	if v := verify(t, s.DSN("postgres"), r.file); !v.Sound() || int64(v.Found) != sum.Acked {
		t.Errorf("got verdict %+v", v)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{})
	sum, err := ledger.Run(t.Context(), ledger.Options{DSN: s.DSN("postgres"), File: filepath.Join(t.TempDir(), "l"), Duration: 300 * time.Millisecond})
	if err != nil || sum.Acked == 0 || !sum.Sound() {
		t.Errorf("got %+v, %v", sum, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, 17, pgtest.Options{Databases: []string{"other"}})
	s.Exec(t, "other", "CREATE TABLE lull_ledger (id int)")
	s.Exec(t, "postgres", "CREATE ROLE guest LOGIN PASSWORD 'guest'")
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	guest := s.Server.DSN("postgres", "guest") + " password=guest"
	for name, o := range map[string]ledger.Options{
		"no file":         {DSN: s.DSN("postgres")},
		"no such folder":  {DSN: s.DSN("postgres"), File: filepath.Join(dir, "no", "file")},
		"file there":      {DSN: s.DSN("postgres"), File: taken},
		"dsn":             {DSN: "port=none", File: filepath.Join(dir, "a")},
		"wrong password":  {DSN: s.Server.DSN("postgres", pgtest.Superuser) + " password=wrong", File: filepath.Join(dir, "b")},
		"may not create":  {DSN: guest, File: filepath.Join(dir, "c")},
		"another's table": {DSN: s.DSN("other"), File: filepath.Join(dir, "d")},
		"negative":        {DSN: s.DSN("postgres"), File: filepath.Join(dir, "e"), Rate: -1},
	} {
		if _, err := ledger.Run(t.Context(), o); err == nil || hint.Of(err) == "" || strings.Contains(err.Error(), s.Password) {
			t.Errorf("%s: got error %v, hint %q", name, err, hint.Of(err))
		}
	}
	if _, err := ledger.Verify(t.Context(), s.DSN("postgres"), taken); err == nil || hint.Of(err) == "" {
		t.Errorf("verify an empty file: got %v", err)
	}
	if _, err := ledger.Verify(t.Context(), s.DSN("other"), filepath.Join(dir, "none")); err == nil || hint.Of(err) == "" {
		t.Errorf("verify no file: got %v", err)
	}
}
