package compare

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
)

// streamed has tables of every sort of key. The load leaves rows below 1000 alone, so
// that those can be changed on the target.
const streamed = `
	CREATE EXTENSION citext SCHEMA public; CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN code AS varchar(20) CHECK (value <> '');
	CREATE TABLE accounts (aid int PRIMARY KEY, bid int, balance int NOT NULL DEFAULT 0, filler char(84));
	INSERT INTO accounts SELECT i, i % 7, 0, 'x' FROM generate_series(1, 12000) i;
	CREATE TABLE hot (id int PRIMARY KEY, n int); INSERT INTO hot SELECT i, 0 FROM generate_series(1, 20) i;
	CREATE TABLE history (aid int, at timestamptz DEFAULT now(), note text); INSERT INTO history SELECT i, now(), 'n' FROM generate_series(1, 3000) i;
	CREATE TABLE full_history (aid int, note text); ALTER TABLE full_history REPLICA IDENTITY FULL; INSERT INTO full_history VALUES (1, 'a'), (1, 'a'), (2, NULL);
	CREATE TABLE "Odd ""Table" ("The Name" text COLLATE "C", b int, mood mood, body text, f float8 DEFAULT random(), m money DEFAULT 1.5, j jsonb DEFAULT '{"b":1,"a":[1.0]}',
		raw bytea DEFAULT '\x00ff', ip inet DEFAULT '10.0.0.1/8', span tstzrange DEFAULT tstzrange(now(), NULL), list text[] DEFAULT '{a,NULL,"b c"}', w interval DEFAULT '1 mon 2:03', PRIMARY KEY ("The Name", b, mood));
	INSERT INTO "Odd ""Table" ("The Name", b, mood, body) SELECT 'é ' || i, -i, 'ok', nullif(i % 3, 0) FROM generate_series(1, 3000) i;
	CREATE TABLE lines (part int, line smallint, v text, price numeric(9, 2), PRIMARY KEY (part, line));
	INSERT INTO lines SELECT i, l, 'line ' || l, i / 7.0 FROM generate_series(1, 1500) i, generate_series(1, 2) l;
	CREATE TABLE insensitive (name citext PRIMARY KEY, d code DEFAULT 'c'); INSERT INTO insensitive SELECT 'Name' || i FROM generate_series(1, 2000) i;
	CREATE TABLE by_index (x int, u uuid NOT NULL, at timestamptz NOT NULL); CREATE UNIQUE INDEX by_index_u ON by_index (at, u);
	ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_u;
	INSERT INTO by_index SELECT i, md5(i::text)::uuid, '2026-01-01'::timestamptz + i * interval '1 hour' FROM generate_series(1, 2000) i;
	CREATE TABLE parts (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
	CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500); CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (10000);
	INSERT INTO parts SELECT i, 'v' FROM generate_series(1, 1500) i;
	CREATE TABLE empty (id int PRIMARY KEY); CREATE TABLE bare (); CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY); INSERT INTO unlogged VALUES (1);
	CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (more text, PRIMARY KEY (id)) INHERITS (parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 'x');
	ANALYZE; CREATE SCHEMA lull; CREATE TABLE lull.marker (token bigserial PRIMARY KEY)`

// stream restores the script's database and lets a subscription follow the source. Nothing
// is written in between, so what is restored is what the slot begins after.
func (s servers) stream(t *testing.T, name, script string) pair {
	t.Helper()
	p := s.restore(t, name, script)
	s.old.Exec(t, name, "CREATE PUBLICATION lull_test FOR ALL TABLES")
	s.new.Exec(t, name, "CREATE SUBSCRIPTION lull_test CONNECTION '"+s.old.DSN(name)+"' PUBLICATION lull_test WITH (copy_data = false)")
	return p
}

// barrier writes a marker on the source and waits to see it on the target.
func (p pair) barrier(t *testing.T) func(context.Context) error {
	t.Helper()
	src, dst := p.connect(t)
	return func(ctx context.Context) error {
		var token int64
		if err := src.QueryRow(ctx, "INSERT INTO lull.marker DEFAULT VALUES RETURNING token").Scan(&token); err != nil {
			return err
		}
		for seen := false; !seen; time.Sleep(time.Millisecond) {
			if err := dst.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM lull.marker WHERE token = $1)", token).Scan(&seen); err != nil {
				return err
			}
		}
		return nil
	}
}

// load changes the source until the test is over, a transaction every few milliseconds.
func (p pair) load(t *testing.T) {
	t.Helper()
	src := p.old.Connect(t, p.name)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		var err error
		for i := 0; err == nil && ctx.Err() == nil; i++ {
			sql := fmt.Sprintf(`UPDATE accounts SET balance = balance + 1 WHERE aid = %[1]d; UPDATE hot SET n = n + 1 WHERE id = %[2]d;
				INSERT INTO history VALUES (%[1]d, now(), 'load'); UPDATE parts SET v = 'w%[3]d' WHERE id = %[4]d;
				DELETE FROM empty; INSERT INTO empty VALUES (%[3]d)`, 1001+i*37%10000, 1+i%20, i, 1001+i%400)
			_, err = src.Exec(context.WithoutCancel(ctx), sql)
			time.Sleep(2 * time.Millisecond)
		}
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("load: %v", err)
		}
	})
}

func (p pair) rows(t *testing.T, o Options) RowReport {
	t.Helper()
	o.Publication, o.Looks = "lull_test", 200
	if o.Barrier == nil {
		o.Barrier = p.barrier(t)
	}
	report, err := Rows(t.Context(), p.source, p.target, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func (p pair) source(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, p.old.DSN(p.name))
}
func (p pair) target(ctx context.Context) (*pgx.Conn, error) {
	return pgx.Connect(ctx, p.new.DSN(p.name))
}

const small = 64 << 10

// counts are of the tables that the load neither fills nor empties.
var counts = map[string]int64{`"public"."accounts"`: 12000, `"public"."hot"`: 20, `"public"."parts_1"`: 499, `"public"."parts_2"`: 1001, `"public"."parent"`: 1, `"public"."child"`: 1,
	`"public"."full_history"`: 3, `"public"."Odd ""Table"`: 3000, `"public"."lines"`: 3000, `"public"."insensitive"`: 2000, `"public"."by_index"`: 2000, `"public"."bare"`: 0}

// spoil plants differences on the target, and says what must be told of them.
func (p pair) spoil(t *testing.T) map[string]TableReport {
	t.Helper()
	p.new.Exec(t, p.name, "UPDATE accounts SET balance = -1 WHERE aid = 7", "DELETE FROM accounts WHERE aid = 8", "INSERT INTO accounts VALUES (-5, 1, 1, 'extra'), (20001, 1, 1, 'extra')",
		`UPDATE "Odd ""Table" SET body = '' WHERE b = -3`, `DELETE FROM "Odd ""Table" WHERE b = -4`, "UPDATE lines SET price = -price WHERE part = 500 AND line = 1", "DELETE FROM lines WHERE part = 1500 AND line = 2", "INSERT INTO lines VALUES (0, 1), (1501, 1)",
		"UPDATE insensitive SET name = 'NAME5' WHERE name = 'name5'",
		"DELETE FROM by_index WHERE x = 9", "UPDATE parts SET v = NULL WHERE id = 3", "DELETE FROM history WHERE aid = 11", "DELETE FROM full_history WHERE ctid = '(0,1)'", "DROP TABLE bare", "INSERT INTO parent VALUES (9)")
	named := func(rows ...Row) TableReport {
		return TableReport{Verdict: Different, Differing: int64(len(rows)), Residue: rows}
	}
	nameless := TableReport{Verdict: Different, Differing: 1, AtLeast: true, Keyless: true}
	return map[string]TableReport{
		`"public"."accounts"`:     named(Row{[]string{"-5"}, OnlyTarget}, Row{[]string{"20001"}, OnlyTarget}, Row{[]string{"7"}, Changed}, Row{[]string{"8"}, OnlySource}),
		`"public"."Odd ""Table"`:  named(Row{[]string{"é 3", "-3", "ok"}, Changed}, Row{[]string{"é 4", "-4", "ok"}, OnlySource}),
		`"public"."lines"`:        named(Row{[]string{"500", "1"}, Changed}, Row{[]string{"1500", "2"}, OnlySource}, Row{[]string{"0", "1"}, OnlyTarget}, Row{[]string{"1501", "1"}, OnlyTarget}),
		`"public"."insensitive"`:  named(Row{[]string{"NAME5"}, OnlyTarget}, Row{[]string{"Name5"}, OnlySource}),
		`"public"."by_index"`:     named(Row{[]string{"2026-01-01 09:00:00+00", "45c48cce-2e2d-7fbd-ea1a-fc51c7c6ad26"}, OnlySource}),
		`"public"."parts_1"`:      named(Row{[]string{"3"}, Changed}),
		`"public"."parent"`:       named(Row{[]string{"9"}, OnlyTarget}),
		`"public"."history"`:      nameless,
		`"public"."full_history"`: nameless,
		`"public"."bare"`:         {Verdict: Absent, Keyless: true},
	}
}

func testRows(t *testing.T, s servers) {
	p := s.stream(t, "streamed", streamed)
	p.load(t)
	for name, o := range map[string]Options{"nothing planted": {}, "nothing planted, in small chunks": {ChunkBytes: small, Jobs: 3}} {
		t.Run(name, func(t *testing.T) { p.wantEqual(t, p.rows(t, o)) })
	}
	want := p.spoil(t)
	for name, o := range map[string]Options{"planted": {}, "planted, in small chunks": {ChunkBytes: small, Jobs: 2, Duty: 0.5}} {
		t.Run(name, func(t *testing.T) { wantTold(t, p.rows(t, o).Tables, want) })
	}
	t.Run("portable hash", func(t *testing.T) { wantTold(t, p.portably(t), want) })
	t.Run("too many to name", func(t *testing.T) {
		p.new.Exec(t, p.name, "UPDATE accounts SET filler = 'y' WHERE aid < 1000")
		for _, r := range p.rows(t, Options{ChunkBytes: 8 << 10, Residue: 10}).Tables {
			if r.Table == `"public"."accounts"` && (r.Verdict != Different || r.Differing < 10 || len(r.Residue) != 10) {
				t.Errorf("%+v", r)
			}
		}
	})
	t.Run("barrier fails", func(t *testing.T) {
		broken := errors.New("no marker came")
		if _, err := Rows(t.Context(), p.source, p.target, Options{Barrier: func(context.Context) error { return broken }}); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		if _, err := Rows(t.Context(), p.source, p.target, Options{}); err == nil {
			t.Error("no barrier, no error")
		}
	})
}

func (p pair) wantEqual(t *testing.T, report RowReport) {
	t.Helper()
	wantTold(t, report.Tables, map[string]TableReport{})
	got := map[string]int64{}
	for _, r := range report.Tables {
		if _, ok := counts[r.Table]; ok {
			got[r.Table] = r.Rows
		}
	}
	if d := cmp.Diff(counts, got); d != "" {
		t.Errorf("rows counted (-want +got):\n%s", d)
	}
}

func wantTold(t *testing.T, reports []TableReport, want map[string]TableReport) {
	t.Helper()
	got := map[string]TableReport{}
	for _, r := range reports {
		if r.Verdict != Equal {
			got[r.Table] = r
		}
	}
	byKey := cmpopts.SortSlices(func(a, b Row) bool { return id(a.Key) < id(b.Key) })
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(TableReport{}, "Table", "Rows", "Bytes", "Took"), byKey); d != "" {
		t.Errorf("differences (-want +got):\n%s", d)
	}
}

// portably compares with the hash for servers that do not share the fast one.
func (p pair) portably(t *testing.T) []TableReport {
	t.Helper()
	c, err := begin(t.Context(), p.source, p.target, Options{Publication: "lull_test", Barrier: p.barrier(t), Looks: 200}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	c.layout.hash = portable
	if err := c.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c.reports
}
