package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrNoLibrary says that a server's programs came without the library that is asked for,
// pg_buffercache or pg_prewarm. Both are among PostgreSQL's own additional modules.
var ErrNoLibrary = errors.New("the server's additional modules (contrib) are not installed")

// chunkBlocks is how many blocks a Chunk tells of.
const chunkBlocks = 32

// Chunk is which of 32 blocks of a relation, one after the other, a server has in memory.
type Chunk struct {
	Relation uint32 // pg_class.oid, which pg_upgrade keeps
	Fork     int16  // 0 main, 1 free space map, 2 visibility map
	Number   int64  // of the chunk in the fork
	Blocks   uint32 // a bit for each block, the lowest for the first
	Use      int16  // how often the most used of them was asked for lately: 0 to 5
}

// Count is how many blocks are in memory.
func (c Chunk) Count() int { return bits.OnesCount32(c.Blocks) }

// Buffers reads what of the connection's database is in shared buffers, sorted by relation
// and block. No database needs the extension pg_buffercache: its function is made in a
// transaction that is rolled back, so nothing is there before or after.
func Buffers(ctx context.Context, conn *pgx.Conn) (all []Chunk, err error) {
	err = borrow(ctx, conn, `lull_buffers() RETURNS SETOF record LANGUAGE c AS '$libdir/pg_buffercache', 'pg_buffercache_pages'`, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT c.relation, c.fork, c.number, c.blocks, c.use FROM (
				SELECT pg_filenode_relation(b.tablespace, b.filenode)::oid AS relation, b.fork, b.block / 32 AS number, bit_or(1::bigint << (b.block % 32)::int) AS blocks, max(b.use) AS use
				FROM pg_temp.lull_buffers() AS b(buffer int4, filenode oid, tablespace oid, database oid, fork int2, block int8, dirty bool, use int2, pins int4)
				WHERE b.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND b.fork < 3
				GROUP BY b.tablespace, b.filenode, b.fork, b.block / 32) c
			WHERE c.relation IS NOT NULL ORDER BY 1, 2, 3`)
		if err != nil {
			return err
		}
		var blocks int64
		var c Chunk
		_, err = pgx.ForEachRow(rows, []any{&c.Relation, &c.Fork, &c.Number, &blocks, &c.Use}, func() error {
			c.Blocks = uint32(blocks)
			all = append(all, c)
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what the server has in memory: %w", err)
	}
	return all, nil
}

// borrow makes a function of one of the server's own libraries in the session's temporary
// schema for as long as do works, and rolls back. No event trigger fires.
func borrow(ctx context.Context, conn *pgx.Conn, function string, do func(pgx.Tx) error) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it ends with the session at the latest
	if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = replica"); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "CREATE FUNCTION pg_temp."+function)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "58P01" { // undefined_file
		return ErrNoLibrary
	}
	if err != nil {
		return err
	}
	return do(tx)
}

// Span is blocks of a relation that follow on each other, both ends included.
type Span struct {
	Relation    uint32
	Fork        int16
	First, Last int64
}

// Len is how many blocks there are in it.
func (s Span) Len() int64 { return s.Last - s.First + 1 }

// narrow is a gap between two spans that costs less to read over than to leave out.
const narrow = 4

// Spans makes the fewest spans of sorted chunks. Gaps of up to four blocks are read over.
func Spans(chunks []Chunk) (out []Span) {
	for _, c := range chunks {
		for i := range int64(chunkBlocks) {
			if c.Blocks&(1<<i) == 0 {
				continue
			}
			block := c.Number*chunkBlocks + i
			if n := len(out) - 1; n >= 0 && out[n].Relation == c.Relation && out[n].Fork == c.Fork && block-out[n].Last-1 <= narrow {
				out[n].Last = block
				continue
			}
			out = append(out, Span{Relation: c.Relation, Fork: c.Fork, First: block, Last: block})
		}
	}
	return out
}

// Overlap counts the blocks that are in both. Both are sorted, as Buffers gives them.
func Overlap(a, b []Chunk) (n int) {
	place := func(x, y Chunk) int {
		return slices.Compare([]int64{int64(x.Relation), int64(x.Fork), x.Number}, []int64{int64(y.Relation), int64(y.Fork), y.Number})
	}
	for len(a) > 0 && len(b) > 0 {
		switch place(a[0], b[0]) {
		case -1:
			a = a[1:]
		case 1:
			b = b[1:]
		default:
			n += bits.OnesCount32(a[0].Blocks & b[0].Blocks)
			a, b = a[1:], b[1:]
		}
	}
	return n
}

var forks = [...]string{"main", "fsm", "vm"}

// Warm reads spans of the connection's database into shared buffers and says how many
// blocks there were. What lies behind the end of a relation, or of no relation, is left out.
// As with Buffers, no extension is needed and nothing stays but what was read.
func Warm(ctx context.Context, conn *pgx.Conn, spans []Span) (blocks int64, err error) {
	relations, names := make([]uint32, len(spans)), make([]string, len(spans))
	first, last := make([]int64, len(spans)), make([]int64, len(spans))
	for i, s := range spans {
		relations[i], names[i], first[i], last[i] = s.Relation, forks[s.Fork], s.First, s.Last
	}
	err = borrow(ctx, conn, `lull_prewarm(regclass, text, text, int8, int8) RETURNS int8 LANGUAGE c AS '$libdir/pg_prewarm', 'pg_prewarm'`, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT coalesce(sum(pg_temp.lull_prewarm(s.relation::regclass, 'buffer', s.fork, s.first, least(s.last, s.blocks - 1))), 0)::bigint
			FROM (SELECT x.*, pg_relation_size(x.relation, x.fork) / current_setting('block_size')::bigint AS blocks
				FROM unnest($1::oid[], $2::text[], $3::bigint[], $4::bigint[]) AS x(relation, fork, first, last) OFFSET 0) s
			WHERE s.first < s.blocks`, relations, names, first, last).Scan(&blocks)
	})
	if err != nil {
		return 0, fmt.Errorf("read blocks into the server's memory: %w", err)
	}
	return blocks, nil
}

// Memory is a server's shared buffers.
type Memory struct {
	Blocks int    // that there is room for
	Bytes  int64  // of a block
	Since  string // the server runs, as it writes it: what was in memory before is not any more
}

// LookMemory asks for the size of shared buffers.
func LookMemory(ctx context.Context, conn *pgx.Conn) (m Memory, err error) {
	err = conn.QueryRow(ctx, `SELECT setting::int, current_setting('block_size')::bigint, pg_postmaster_start_time()::text
		FROM pg_settings WHERE name = 'shared_buffers'`).Scan(&m.Blocks, &m.Bytes, &m.Since)
	if err != nil {
		return m, fmt.Errorf("ask for the size of shared buffers: %w", err)
	}
	return m, nil
}

// Hot is a relation and how often its blocks were asked for.
type Hot struct {
	Relation uint32
	Asked    int64 // since the server's counters began
	Blocks   int64 // that it has
}

// HotRelations lists the tables and indexes of the connection's database that were read at all, those first of
// which a block was asked for most often. It is what is left to go by where Buffers has no library.
func HotRelations(ctx context.Context, conn *pgx.Conn) ([]Hot, error) {
	rows, err := conn.Query(ctx, `SELECT oid, asked, blocks FROM (
			SELECT x.oid, x.asked, pg_relation_size(x.oid) / current_setting('block_size')::bigint AS blocks FROM (
				SELECT relid, heap_blks_read + heap_blks_hit FROM pg_statio_all_tables
				UNION ALL SELECT indexrelid, idx_blks_read + idx_blks_hit FROM pg_statio_all_indexes) x(oid, asked)
			WHERE x.asked > 0) y
		WHERE blocks > 0 ORDER BY asked::float8 / blocks DESC, oid`)
	if err != nil {
		return nil, fmt.Errorf("list the relations that are read most: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Hot])
	if err != nil {
		return nil, fmt.Errorf("list the relations that are read most: %w", err)
	}
	return all, nil
}
