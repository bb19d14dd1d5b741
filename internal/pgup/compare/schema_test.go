package compare

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// shop is a script that makes a schema with something of everything, and its roles,
// which are a matter of the server.
func shop(t *testing.T) (roles, script string) {
	t.Helper()
	text, err := os.ReadFile("testdata/shop.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n")
	roles, script, _ = strings.Cut(rest, "\n")
	return roles, script
}

// planted are changes on the target, each with what must be told of it.
var planted = []struct{ change, told string }{
	{"DROP INDEX sales.customers_extra", "index sales.customers_extra missing"},
	{"CREATE INDEX log_at ON sales.log (at)", "index sales.log_at extra"},
	{"ALTER TABLE sales.customers DROP CONSTRAINT customers_kind_check", "constraint sales.customers.customers_kind_check missing"},
	{"ALTER TABLE sales.orders VALIDATE CONSTRAINT late", "constraint sales.orders.late changed; constraint sales.orders_2025.late changed; " +
		"constraint sales.orders_2026.late changed; constraint sales.orders_2026_low.late changed; constraint sales.orders_2026_rest.late changed"},
	{"CREATE OR REPLACE FUNCTION sales.tax(amount numeric, rate numeric DEFAULT 0.15) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT AS 'SELECT amount'",
		"function sales.tax(numeric, numeric) changed"},
	{"ALTER TABLE sales.log ALTER code TYPE integer", "column sales.log.code changed"},
	{"ALTER TABLE sales.log ALTER at SET DEFAULT clock_timestamp()", "column sales.log.at changed"},
	{"ALTER TABLE sales.log OWNER TO shop_app", "owner of relation sales.log changed; privileges on relation sales.log changed"},
	{"ALTER TABLE sales.parent ALTER note SET NOT NULL", "column sales.child.note changed; column sales.parent.note changed"},
	{"ALTER TABLE sales.customers ENABLE TRIGGER customers_off", "trigger sales.customers.customers_off changed"},
	{"DROP TRIGGER orders_seen ON sales.orders", "trigger sales.orders.orders_seen missing"},
	{"ALTER TYPE sales.state ADD VALUE 'lost' BEFORE 'paid'", "type sales.state changed"},
	{"ALTER TYPE sales.address DROP ATTRIBUTE town", "column sales.address.town missing"},
	{"DROP EXTENSION pg_trgm", "extension pg_trgm missing"},
	{"DROP TABLE sales.cache", "relation sales.cache missing; sequence sales.cache_id_seq missing"},
	{"ALTER SEQUENCE sales.invoice NO CYCLE", "sequence sales.invoice changed"},
	{"REVOKE DELETE ON sales.customers FROM shop_reader", "privileges on relation sales.customers changed"},
	{"REVOKE UPDATE (name) ON sales.customers FROM shop_reader", "column sales.customers.name changed"},
	{"ALTER POLICY own ON sales.customers USING (true)", "policy sales.customers.own changed"},
	{"ALTER TABLE sales.regions DETACH PARTITION sales.regions_south", "relation sales.regions_south changed"},
	{"REFRESH MATERIALIZED VIEW sales.never", "relation sales.never changed"},
	{"DROP VIEW sales.open_orders", "relation sales.open_orders missing"},
	{"DROP PUBLICATION feed", "publication feed missing"},
	{"DROP STATISTICS sales.customers_kind", "statistics sales.customers_kind missing"},
	{"DROP RULE no_log ON sales.log", "rule sales.log.no_log missing"},
	{"DROP OPERATOR sales.<=> (integer, integer)", "operator sales.<=>(integer,integer) missing"},
	{"ALTER DEFAULT PRIVILEGES IN SCHEMA sales REVOKE SELECT ON TABLES FROM shop_reader", "default privileges lull sales r missing"},
	{"REVOKE CREATE ON SCHEMA public FROM PUBLIC", "privileges on schema public changed"},
}

func testSchema(t *testing.T, s servers) {
	roles, script := shop(t)
	s.old.Exec(t, "postgres", roles)
	s.new.Exec(t, "postgres", roles)
	p := s.restore(t, "shop", script)
	src, dst := p.connect(t)
	before := fingerprint(t, src)
	p.old.Exec(t, p.name, "CREATE SCHEMA lull", "CREATE TABLE lull.marker (slot text PRIMARY KEY)", "CREATE PUBLICATION lull_13 FOR ALL TABLES",
		"ALTER TABLE sales.log REPLICA IDENTITY FULL", "INSERT INTO sales.log VALUES (now(), 'x', 1)", "ANALYZE")
	if got := told(t, src, dst); len(got) > 0 {
		t.Errorf("differences between a database and its copy: %s", got)
	}
	if got := fingerprint(t, src); got != before {
		t.Error("fingerprint changed with rows, statistics and Lull's own things")
	}
	var want []string
	for _, plant := range planted {
		p.new.Exec(t, p.name, plant.change)
		want = append(want, strings.Split(plant.told, "; ")...)
	}
	less := func(a, b string) bool { return a < b }
	if d := cmp.Diff(want, told(t, src, dst), sortStrings(less)); d != "" {
		t.Errorf("differences told (-want +got):\n%s", d)
	}
	p.old.Exec(t, p.name, "CREATE OR REPLACE VIEW sales.open_orders WITH (security_barrier) AS SELECT o.id, o.customer, c.email FROM sales.orders o JOIN sales.customers c ON c.id = o.customer WHERE o.state = 'sent'")
	if got := fingerprint(t, src); got == before {
		t.Error("fingerprint did not change with a view's query")
	}
}

func fingerprint(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	f, err := Fingerprint(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func told(t *testing.T, src, dst *pgx.Conn) (lines []string) {
	t.Helper()
	list, err := Schema(t.Context(), src, dst, Leave{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		words := map[Change]string{OnlySource: " missing", OnlyTarget: " extra", Changed: " changed"}
		lines = append(lines, d.Kind+" "+d.Identity+words[d.Change])
	}
	return lines
}
