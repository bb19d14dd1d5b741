package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

const objectsAtOnce = 500 // in a transaction: each takes a lock, of which a small server has some hundreds

// bring does what a pass found out. The reading side is in the pass's snapshot.
func (c change) bring(ctx context.Context, from, to *pgx.Conn) (m Moved, err error) {
	m = Moved{Items: int64(len(c.bytes)), Gone: int64(len(c.gone))}
	if err := eachPart(c.gone, func(part []uint32) error { return unlinkObjects(ctx, to, part) }); err != nil {
		return m, err
	}
	if err := eachPart(c.bytes, func(part []uint32) error {
		n, err := bringBytes(ctx, from, to, part)
		m.Bytes += n
		return err
	}); err != nil {
		return m, err
	}
	if err := eachPart(c.meta, func(part []object) error { return setRights(ctx, to, part) }); err != nil {
		return m, err
	}
	return m, c.setComments(ctx, to)
}

func eachPart[T any](list []T, do func([]T) error) error {
	for part := range slices.Chunk(list, objectsAtOnce) {
		if err := do(part); err != nil {
			return err
		}
	}
	return nil
}

func unlinkObjects(ctx context.Context, to *pgx.Conn, oids []uint32) error {
	_, err := to.Exec(ctx, `SELECT lo_unlink(m.oid) FROM pg_largeobject_metadata m WHERE m.oid = ANY($1::oid[])`, oids)
	if err != nil {
		return fmt.Errorf("remove large objects: %w", err)
	}
	return nil
}

// bringBytes empties the objects on the other side, or makes them, and writes their pages.
func bringBytes(ctx context.Context, from, to *pgx.Conn, oids []uint32) (bytes int64, err error) {
	err = pgx.BeginFunc(ctx, to, func(tx pgx.Tx) error {
		for _, sql := range []string{
			// Arguments are evaluated from left to right: cut, then close.
			`SELECT lo_truncate(fd, 0), lo_close(fd) FROM (SELECT lo_open(m.oid, x'20000'::int) AS fd FROM pg_largeobject_metadata m WHERE m.oid = ANY($1::oid[]) OFFSET 0) x`,
			`SELECT lo_create(o) FROM unnest($1::oid[]) o WHERE NOT EXISTS (SELECT 1 FROM pg_largeobject_metadata m WHERE m.oid = o)`,
		} {
			if _, err := tx.Exec(ctx, sql, oids); err != nil {
				return fmt.Errorf("make large objects: %w", err)
			}
		}
		if _, err := tx.Exec(ctx, `CREATE TEMPORARY TABLE IF NOT EXISTS lull_page (loid oid, pageno int, data bytea, PRIMARY KEY (loid, pageno)) ON COMMIT DELETE ROWS`); err != nil {
			return fmt.Errorf("prepare writing large objects: %w", err)
		}
		bytes, err = pipe(ctx, from, to, `SELECT loid, pageno, data FROM pg_largeobject WHERE loid = ANY(`+oidArray(oids)+`)`, `pg_temp.lull_page (loid, pageno, data)`, asBinary)
		if err != nil {
			return err
		}
		return writePages(ctx, tx)
	})
	return bytes, err
}

// writePages puts the pages where they belong. What ends with an empty page was cut there:
// it ends where that page begins, whatever stands before it.
func writePages(ctx context.Context, tx pgx.Tx) error {
	for _, sql := range []string{
		`SELECT lo_put(loid, pageno::bigint * (current_setting('block_size')::bigint / 4), data) FROM (SELECT * FROM pg_temp.lull_page WHERE length(data) > 0 ORDER BY loid, pageno) p`,
		`SELECT lo_truncate64(fd, ends), lo_close(fd) FROM (SELECT lo_open(loid, x'20000'::int) AS fd, pageno::bigint * (current_setting('block_size')::bigint / 4) AS ends
			FROM (SELECT DISTINCT ON (loid) loid, pageno, data FROM pg_temp.lull_page ORDER BY loid, pageno DESC) p WHERE length(data) = 0 AND pageno > 0 OFFSET 0) x`,
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("write large objects: %w", err)
		}
	}
	return nil
}

func oidArray(oids []uint32) string {
	parts := make([]string, len(oids))
	for i, o := range oids {
		parts[i] = fmt.Sprint(o)
	}
	return "'{" + strings.Join(parts, ",") + "}'::oid[]"
}

// setRights gives the objects their owners, and takes all rights away that they have there
// before it gives them those that they have here. Most have none but their owner's.
func setRights(ctx context.Context, to *pgx.Conn, list []object) error {
	return pgx.BeginFunc(ctx, to, func(tx pgx.Tx) error {
		there, err := rightsThere(ctx, tx, list)
		if err != nil {
			return err
		}
		var b strings.Builder
		for _, o := range list {
			if there[o.OID].owner != o.Owner {
				fmt.Fprintf(&b, "ALTER LARGE OBJECT %d OWNER TO %s; ", o.OID, Ident(o.Owner))
			}
		}
		if err := together(ctx, tx, b.String()); err != nil {
			return fmt.Errorf("give large objects their owners: %w", err)
		}
		if there, err = rightsThere(ctx, tx, list); err != nil { // they go by the owner
			return err
		}
		b.Reset()
		for _, o := range list {
			if r := there[o.OID]; !r.plain || !o.Plain {
				b.WriteString(strings.Join(slices.Concat(r.revokes, o.Grants), "; ") + "; ")
			}
		}
		if err := together(ctx, tx, b.String()); err != nil {
			return fmt.Errorf("give large objects their rights: %w", err)
		}
		return nil
	})
}

// together runs statements in one round trip.
func together(ctx context.Context, tx pgx.Tx, sql string) error {
	if sql == "" {
		return nil
	}
	_, err := tx.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	return err
}

// rights are what is to be changed about an object on the other side.
type rights struct {
	owner   string
	plain   bool     // nobody has given or taken any
	revokes []string // statements that take all away
}

func rightsThere(ctx context.Context, tx pgx.Tx, list []object) (map[uint32]rights, error) {
	oids := make([]uint32, len(list))
	for i, o := range list {
		oids[i] = o.OID
	}
	rows, err := tx.Query(ctx, `SELECT m.oid, pg_get_userbyid(m.lomowner),
			ARRAY(SELECT DISTINCT format('SET LOCAL ROLE %I; REVOKE ALL ON LARGE OBJECT %s FROM %s CASCADE; RESET ROLE', pg_get_userbyid(g.grantor), m.oid,
				CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END) FROM aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) g), m.lomacl IS NULL
		FROM pg_largeobject_metadata m WHERE m.oid = ANY($1::oid[])`, oids)
	if err != nil {
		return nil, fmt.Errorf("read the rights of large objects: %w", err)
	}
	out := map[uint32]rights{}
	var oid uint32
	var owner string
	var revokes []string
	var plain bool
	if _, err := pgx.ForEachRow(rows, []any{&oid, &owner, &revokes, &plain}, func() error {
		out[oid] = rights{owner: owner, plain: plain, revokes: slices.Clone(revokes)}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read the rights of large objects: %w", err)
	}
	return out, nil
}

func (c change) setComments(ctx context.Context, to *pgx.Conn) error {
	var b strings.Builder
	for oid, text := range c.after {
		if c.before[oid] != text {
			fmt.Fprintf(&b, "COMMENT ON LARGE OBJECT %d IS %s; ", oid, Literal(text))
		}
	}
	for oid := range c.before {
		if _, there := c.after[oid]; !there && !slices.Contains(c.gone, oid) {
			fmt.Fprintf(&b, "COMMENT ON LARGE OBJECT %d IS NULL; ", oid)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	if _, err := to.Exec(ctx, b.String(), pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("comment on large objects: %w", err)
	}
	return nil
}
