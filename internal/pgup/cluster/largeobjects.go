package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// LargeObjects brings the large objects of a database from one server to another. They
// are not decoded, so no replication carries a change of them.
//
// The first pass holds digests of both sides against each other. Each one after it asks
// only for what was written since the one before, by the mark of its snapshot:
//   - a page that was written or cut has a new row. Cutting an object always writes the page
//     where it ends from then on, so pages that are gone are noticed by that one.
//   - an object that was made, or changed its owner or its rights, has a new row in
//     pg_largeobject_metadata; one made again under an old number as well.
//   - objects that are gone are counted: of those known, and those new, how many are there.
//
// An object that changed is brought over whole. Inside a fence the same pass is made once more.
type LargeObjects struct {
	mark     Mark // "" = no pass yet
	known    map[uint32]bool
	comments map[uint32]string
}

// Moved says how much a pass brought over.
type Moved struct {
	Items int64 // objects or tables
	Gone  int64 // of them, removed
	Bytes int64
}

// Plus adds up.
func (m Moved) Plus(o Moved) Moved {
	return Moved{Items: m.Items + o.Items, Gone: m.Gone + o.Gone, Bytes: m.Bytes + o.Bytes}
}

// HasLargeObjects asks whether there is any, which costs next to nothing.
func HasLargeObjects(ctx context.Context, conn *pgx.Conn) (yes bool, err error) {
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_largeobject_metadata)`).Scan(&yes)
	if err != nil {
		return false, fmt.Errorf("look for large objects: %w", err)
	}
	return yes, nil
}

// object is what is known of a large object besides its bytes.
type object struct {
	OID    uint32
	Owner  string
	Rights string
	Plain  bool     // nobody has given or taken a right
	Grants []string // statements that give the rights, by whom they were given
	Digest string   // of its bytes; only a first pass asks for it
}

func (o object) meta() string { return o.Owner + " " + o.Rights }

// change is what a pass has to do.
type change struct {
	bytes         []uint32 // whose bytes are to be brought over
	meta          []object // whose owner and rights are
	gone          []uint32
	before, after map[uint32]string // comments
}

// Pass makes the other side equal to this one as it is now. Both connections must be in
// the same database and prepared with PreparePipe, and nobody else may change the other side.
func (l *LargeObjects) Pass(ctx context.Context, from, to *pgx.Conn) (m Moved, err error) {
	next := LargeObjects{known: maps.Clone(l.known)}
	err = inReadOnly(ctx, from, func(tx pgx.Tx) (err error) {
		if next.mark, err = takeMark(ctx, tx); err != nil {
			return err
		}
		var c change
		if l.mark == "" {
			c, err = next.first(ctx, tx, to)
		} else {
			c, err = next.again(ctx, tx, l.mark)
			c.before = l.comments
		}
		if err != nil {
			return err
		}
		if next.comments, err = objectComments(ctx, tx); err != nil {
			return err
		}
		c.after = next.comments
		m, err = c.bring(ctx, from, to)
		return err
	})
	if err != nil {
		l.mark = "" // how much of it got there is not known
		return m, fmt.Errorf("bring large objects over: %w", err)
	}
	*l = next
	return m, nil
}

// first compares all objects. It reads every page on both sides.
func (l *LargeObjects) first(ctx context.Context, from pgx.Tx, to *pgx.Conn) (c change, err error) {
	var here, there map[uint32]object
	group, side := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		here, err = objects(side, from, `TRUE`, true)
		return err
	})
	group.Go(func() error {
		return inReadOnly(side, to, func(tx pgx.Tx) (err error) {
			if c.before, err = objectComments(side, tx); err != nil {
				return err
			}
			there, err = objects(side, tx, `TRUE`, true)
			return err
		})
	})
	if err := group.Wait(); err != nil {
		return c, err
	}
	l.known = map[uint32]bool{}
	for oid, h := range here {
		t, found := there[oid]
		if l.known[oid] = true; !found || h.Digest != t.Digest {
			c.bytes = append(c.bytes, oid)
		}
		if !found || h.meta() != t.meta() {
			c.meta = append(c.meta, h)
		}
	}
	for oid := range there {
		if _, found := here[oid]; !found {
			c.gone = append(c.gone, oid)
		}
	}
	return c, nil
}

// again asks for what was written since the mark.
func (l *LargeObjects) again(ctx context.Context, tx pgx.Tx, since Mark) (c change, err error) {
	made, err := objects(ctx, tx, since.since("m"), false)
	if err != nil {
		return c, err
	}
	rows, err := tx.Query(ctx, `SELECT DISTINCT loid FROM pg_largeobject p WHERE `+since.since("p"))
	if err != nil {
		return c, fmt.Errorf("look for changed large objects: %w", err)
	}
	if c.bytes, err = pgx.CollectRows(rows, pgx.RowTo[uint32]); err != nil {
		return c, fmt.Errorf("look for changed large objects: %w", err)
	}
	written := map[uint32]bool{}
	for _, oid := range c.bytes {
		written[oid] = true
	}
	for oid, o := range made {
		l.known[oid] = true
		c.meta = append(c.meta, o)
		if !written[oid] { // made again under its old number, perhaps, and empty now
			c.bytes = append(c.bytes, oid)
		}
	}
	c.gone, err = l.forget(ctx, tx)
	return c, err
}

// forget finds what is known and not there any more. All that is there is known by now.
func (l *LargeObjects) forget(ctx context.Context, tx pgx.Tx) (gone []uint32, err error) {
	var n int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM pg_largeobject_metadata`).Scan(&n); err != nil {
		return nil, fmt.Errorf("count the large objects: %w", err)
	}
	if n == len(l.known) {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `SELECT k FROM unnest($1::oid[]) k WHERE NOT EXISTS (SELECT 1 FROM pg_largeobject_metadata m WHERE m.oid = k)`,
		slices.Collect(maps.Keys(l.known)))
	if err != nil {
		return nil, fmt.Errorf("look for removed large objects: %w", err)
	}
	if gone, err = pgx.CollectRows(rows, pgx.RowTo[uint32]); err != nil {
		return nil, fmt.Errorf("look for removed large objects: %w", err)
	}
	for _, oid := range gone {
		delete(l.known, oid)
	}
	return gone, nil
}

// objects reads them as roles' names and statements, which mean the same on both sides.
// Pages without anything in them say nothing but where the object ends.
func objects(ctx context.Context, tx pgx.Tx, where string, digest bool) (map[uint32]object, error) {
	hash := `''`
	if digest {
		hash = `coalesce((SELECT max(p.pageno::bigint * (current_setting('block_size')::bigint / 4) + length(p.data)) || ' ' ||
			coalesce(md5(string_agg(p.pageno || ' ' || md5(p.data), ' ' ORDER BY p.pageno) FILTER (WHERE length(p.data) > 0)), '')
			FROM pg_largeobject p WHERE p.loid = m.oid), '0 ')`
	}
	rows, err := tx.Query(ctx, `
		SELECT m.oid, pg_get_userbyid(m.lomowner), (SELECT coalesce(string_agg(a::text, ' ' ORDER BY a::text), '') FROM unnest(r.acl) a), m.lomacl IS NULL,
			ARRAY(SELECT format('SET LOCAL ROLE %I; GRANT %s ON LARGE OBJECT %s TO %s%s; RESET ROLE', pg_get_userbyid(g.grantor), g.privilege_type, m.oid,
				CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END, CASE WHEN g.is_grantable AND g.grantee <> m.lomowner THEN ' WITH GRANT OPTION' ELSE '' END)
				FROM aclexplode(r.acl) WITH ORDINALITY g(grantor, grantee, privilege_type, is_grantable, n) ORDER BY g.grantor <> m.lomowner, g.n), `+hash+`
		FROM pg_largeobject_metadata m, LATERAL (SELECT coalesce(m.lomacl, acldefault('L', m.lomowner)) AS acl) r WHERE `+where)
	if err != nil {
		return nil, fmt.Errorf("read the large objects: %w", err)
	}
	out := map[uint32]object{}
	var o object
	_, err = pgx.ForEachRow(rows, []any{&o.OID, &o.Owner, &o.Rights, &o.Plain, &o.Grants, &o.Digest}, func() error {
		kept := o
		kept.Grants = slices.Clone(o.Grants)
		out[o.OID] = kept
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the large objects: %w", err)
	}
	return out, nil
}

func objectComments(ctx context.Context, tx pgx.Tx) (map[uint32]string, error) {
	rows, err := tx.Query(ctx, `SELECT objoid, description FROM pg_description WHERE classoid = 'pg_largeobject'::regclass`)
	if err != nil {
		return nil, fmt.Errorf("read the large objects' comments: %w", err)
	}
	out := map[uint32]string{}
	var oid uint32
	var text string
	if _, err := pgx.ForEachRow(rows, []any{&oid, &text}, func() error { out[oid] = text; return nil }); err != nil {
		return nil, fmt.Errorf("read the large objects' comments: %w", err)
	}
	return out, nil
}
