package compare

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"
)

// varied has a column of every sort that is hashed in its own way, and of some whose text
// has changed between versions. Rows from 10 on have nulls.
const varied = `
	CREATE DOMAIN whole AS int;
	CREATE TABLE varied (id int PRIMARY KEY, small smallint, number int, other int, large bigint, larger bigint, is_so boolean, at oid, uid uuid, body text, note varchar(40), padded char(12), unpadded bpchar,
		exact numeric, fixed numeric(12,2), real_4 real, real_8 double precision, price money, moment timestamptz, naive timestamp(3), day date, span interval, doc jsonb, raw bytea, ip inet, list text[], domain whole, kind "char");
	INSERT INTO varied SELECT i, i, i * 7, i * 7 + 1, i * 4294967297, -i, i % 2 = 0, i, md5(i::text)::uuid, 'body ' || i, 'note ' || i, 'pad ' || i, 'un ' || i,
		i + 0.10, i + 0.10, i / 3.0, i / 7.0::float8, i * 1.25, '2026-12-05 17:00+13'::timestamptz + i * interval '1 s' + i / 7 * interval '3000 years', '2026-12-05'::timestamp + i * interval '1 ms' - i / 7 * interval '900 years', '2026-12-05'::date + i, i * interval '1 h',
		jsonb_build_object('n', i + 0.5), int4send(i), '10.0.0.1'::inet + i, ARRAY['a' || i, NULL], i, 'k' FROM generate_series(1, 9) i;
	INSERT INTO varied (id, number, body) SELECT i, nullif(i % 3, 0), nullif('', repeat('x', i % 2)) FROM generate_series(10, 20) i;
	CREATE TABLE spare AS TABLE varied`

// changes are of the row $id, with a $bit and another row $to. The first ones are such that
// a hash which folds, adds up or joins carelessly would not see them.
var changes = []string{
	`UPDATE varied SET large = large # (4294967297 << ($bit % 31)) WHERE id = $id`,
	`UPDATE varied SET large = larger, larger = large WHERE id = $id`,
	`UPDATE varied SET number = other, other = number WHERE id = $id`,
	`UPDATE varied v SET number = s.number FROM spare s WHERE v.id IN ($id, $to) AND s.id IN ($id, $to) AND s.id <> v.id`,
	`UPDATE varied v SET body = s.body, moment = s.moment FROM spare s WHERE v.id IN ($id, $to) AND s.id IN ($id, $to) AND s.id <> v.id`,
	`UPDATE varied SET number = CASE WHEN number IS NULL THEN 0 END WHERE id = $id`,
	`UPDATE varied SET body = CASE WHEN body IS NULL THEN '' END, note = CASE WHEN note IS NULL THEN '' END WHERE id = $id`,
	`UPDATE varied SET number = NULL, other = number WHERE id = $id`,
	`UPDATE varied SET is_so = CASE WHEN is_so IS NULL THEN false END WHERE id = $id`,
	`UPDATE varied SET body = body || note, note = '' WHERE id = $id`,
	`UPDATE varied SET small = small # (1 << ($bit % 15))::smallint WHERE id = $id`,
	`UPDATE varied SET number = number # (1 << ($bit % 32)) WHERE id = $id`,
	`UPDATE varied SET large = large # (1::bigint << $bit) WHERE id = $id`,
	`UPDATE varied SET is_so = NOT is_so WHERE id = $id`,
	`UPDATE varied SET at = (at::bigint # (1::bigint << ($bit % 32)))::oid WHERE id = $id`,
	`UPDATE varied SET uid = encode(set_bit(uuid_send(uid), $bit, 1 - get_bit(uuid_send(uid), $bit)), 'hex')::uuid WHERE id = $id`,
	`UPDATE varied SET raw = set_bit(raw, $bit % 32, 1 - get_bit(raw, $bit % 32)) WHERE id = $id`,
	`UPDATE varied SET real_8 = real_8 * (1 + 2.2204460492503131e-16::float8) WHERE id = $id`,
	`UPDATE varied SET real_4 = real_4 * (1 + 1.2e-7::real) WHERE id = $id`,
	`UPDATE varied SET exact = exact::numeric(9, 3) WHERE id = $id`,
	`UPDATE varied SET exact = (ARRAY[-exact, exact * 10000, 0, 0.0, 'NaN', exact + 0.0000000001])[1 + $bit % 6] WHERE id = $id`,
	`UPDATE varied SET fixed = (ARRAY[-fixed, fixed * 10000, 0, 'NaN', fixed + 0.01, fixed * 1.0])[1 + $bit % 6] WHERE id = $id`,
	`UPDATE varied SET doc = jsonb_set(doc, '{n}', to_jsonb((doc->>'n')::numeric(9, 4))) WHERE id = $id`,
	`UPDATE varied SET span = justify_hours(span + interval '24 h') - interval '24 h' WHERE id = $id`,
	`UPDATE varied SET moment = moment + interval '1 us' WHERE id = $id`,
	`UPDATE varied SET moment = (ARRAY['infinity', '-infinity', moment + interval '100 years'])[1 + $bit % 3] WHERE id = $id`,
	`UPDATE varied SET naive = naive + interval '4294967.297 s' WHERE id = $id`,
	`UPDATE varied SET naive = naive + interval '1 ms' WHERE id = $id`,
	`UPDATE varied SET day = (ARRAY['infinity'::date, '-infinity', '5874897-12-31', day + 1])[1 + $bit % 4] WHERE id = $id`,
	`UPDATE varied SET price = price + 0.01::money WHERE id = $id`,
	`UPDATE varied SET note = note || ' ' WHERE id = $id`,
	`UPDATE varied SET unpadded = (unpadded::text || ' ')::bpchar || ' ' WHERE id = $id`,
	`UPDATE varied SET padded = overlay(padded placing chr(97 + $bit % 26) from 1 + $bit % 12) WHERE id = $id`,
	`UPDATE varied SET body = overlay(body placing chr(97 + $bit % 26) from 1 + $bit % 6) WHERE id = $id`,
	`UPDATE varied SET list[2] = 'NULL' WHERE id = $id`,
	`UPDATE varied SET ip = set_masklen(ip, 31 - $bit % 8) WHERE id = $id`,
	`UPDATE varied SET kind = chr(97 + $bit % 26)::"char", domain = domain # 1 WHERE id = $id`,
	`UPDATE varied SET id = -id WHERE id = $id`,
	`DELETE FROM varied WHERE id = $id`,
	`INSERT INTO varied SELECT -s.id, s.small FROM spare s WHERE s.id = $id`,
	`UPDATE varied SET number = number WHERE id = $id`,
}

// testAnyChange makes random changes on the target and asks the digests of both sides. The
// rows as the target itself writes them say whether anything did change.
func testAnyChange(t *testing.T, s servers) {
	p := s.restore(t, "changed", varied)
	src, dst := p.sessions(t)
	table := p.surveyed(t, "varied")
	if _, err := dst.conn.Exec(t.Context(), "SET default_transaction_read_only = off"); err != nil {
		t.Fatal(err)
	}
	whole, err := src.digest(t, table)
	if err != nil || whole.rows != 20 {
		t.Fatalf("digest of the source: %+v, %v", whole, err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		var statements []string
		for range rapid.IntRange(1, 3).Draw(rt, "changes") {
			values := strings.NewReplacer("$id", fmt.Sprint(rapid.IntRange(1, 20).Draw(rt, "id")), "$to", fmt.Sprint(rapid.IntRange(1, 20).Draw(rt, "to")), "$bit", fmt.Sprint(rapid.IntRange(0, 63).Draw(rt, "bit")))
			statements = append(statements, values.Replace(rapid.SampledFrom(changes).Draw(rt, "change")))
		}
		got, changed := dst.after(t, table, statements)
		if (got != whole) != changed {
			rt.Fatalf("the rows changed: %v; the digest was %+v and is %+v after\n%s", changed, whole, got, strings.Join(statements, "\n"))
		}
	})
}

// side is a session as the comparison has it.
type side struct {
	layout layout
	conn   *pgx.Conn
}

// sessions are on two servers of this machine.
func (p pair) sessions(t *testing.T) (src, dst side) {
	t.Helper()
	c, err := begin(t.Context(), p.source, p.target, Options{Jobs: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	if c.layout.hash != fast {
		t.Error("the two servers do not share the fast hash")
	}
	if runtime.GOOS == "linux" && !c.workers[0].here {
		t.Error("the two servers are taken for another machine's")
	}
	return side{c.layout, c.workers[0].src}, side{c.layout, c.workers[0].dst}
}

func (p pair) surveyed(t *testing.T, name string) table {
	t.Helper()
	src, dst := p.connect(t)
	l, err := survey(t.Context(), src, dst, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tab := range l.tables {
		if tab.Name == name {
			return tab
		}
	}
	t.Fatalf("no table %s", name)
	return table{}
}

func (s side) digest(t *testing.T, tab table) (digest, error) {
	return s.layout.digest(t.Context(), s.conn, tab, span{})
}

// after is the digest after some statements, which are then taken back, and whether the rows
// were others. A statement that the data refuse counts as not made.
func (s side) after(t *testing.T, tab table, statements []string) (d digest, changed bool) {
	t.Helper()
	tx, err := s.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Exec(t.Context(), "SET LOCAL search_path = public"); err != nil {
		t.Fatal(err)
	}
	for _, sql := range statements {
		if err := pgx.BeginFunc(t.Context(), tx, func(inner pgx.Tx) error { _, err := inner.Exec(t.Context(), sql); return err }); err != nil {
			t.Logf("not made: %v", err)
		}
	}
	if d, err = s.digest(t, tab); err != nil {
		t.Fatal(err)
	}
	err = tx.QueryRow(t.Context(), `SELECT EXISTS ((SELECT v::text COLLATE "C" FROM varied v EXCEPT ALL SELECT s::text FROM spare s) UNION ALL (SELECT s::text COLLATE "C" FROM spare s EXCEPT ALL SELECT v::text FROM varied v))`).Scan(&changed)
	if err != nil {
		t.Fatal(err)
	}
	return d, changed
}

// testWidestTable: as many columns as a table can have, all of them possibly null.
func testWidestTable(t *testing.T, s servers) {
	const most = 1600
	columns := make([]string, most)
	for i := range columns {
		columns[i] = fmt.Sprintf("c%d int", i)
	}
	p := s.restore(t, "wide", "CREATE TABLE wide ("+strings.Join(columns, ", ")+"); INSERT INTO wide (c0, c1599) VALUES (0, NULL), (NULL, 0)")
	src, dst := p.sessions(t)
	table := p.surveyed(t, "wide")
	whole, err := src.digest(t, table)
	if err != nil {
		t.Fatal(err)
	}
	same, err := dst.digest(t, table)
	if err != nil || same != whole {
		t.Errorf("%+v on the source, %+v on the target, %v", whole, same, err)
	}
	for _, sql := range []string{"UPDATE wide SET c1599 = 0, c0 = NULL", "UPDATE wide SET c63 = 0", "UPDATE wide SET c1598 = 0 WHERE c0 IS NULL"} {
		p.new.Exec(t, p.name, sql)
		if now, err := dst.digest(t, table); err != nil || now == same {
			t.Errorf("%s: %+v as before, %v", sql, now, err)
		} else {
			same = now
		}
	}
}
