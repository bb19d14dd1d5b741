package pgup

import (
	"context"
	"fmt"
	"slices"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// resident is what of one database is to be in memory.
type resident struct {
	database string
	chunks   []cluster.Chunk // as the source has them; none where they are not known
	spans    []cluster.Span
}

// residents reads what the source has in memory, and keeps what there is room for.
func (u *Upgrade) residents(ctx context.Context, room int, w *warmth) (all []resident, err error) {
	for _, db := range u.inv.Databases {
		conn, err := u.Source.Connect(ctx, db.Name)
		if err != nil {
			return nil, err
		}
		chunks, err := cluster.Buffers(ctx, conn)
		conn.Close(context.WithoutCancel(ctx))
		if err != nil {
			return nil, fmt.Errorf("database %s: %w", db.Name, err)
		}
		all = append(all, resident{database: db.Name, chunks: chunks})
	}
	w.left = int64(fit(all, room))
	for i := range all {
		all[i].spans = cluster.Spans(all[i].chunks)
	}
	return all, nil
}

// fit drops what was used least lately until the rest fits. It says how many blocks it dropped.
func fit(all []resident, room int) (dropped int) {
	const most = 5 // a buffer's highest count of uses (BM_MAX_USAGE_COUNT)
	var held [most + 1]int
	for _, r := range all {
		for _, c := range r.chunks {
			held[min(c.Use, most)] += c.Count()
		}
	}
	least := most // of which all that is used more fits
	for ; least >= 0 && held[least] <= room; least-- {
		room -= held[least]
	}
	for i := range all {
		all[i].chunks = slices.DeleteFunc(all[i].chunks, func(c cluster.Chunk) bool {
			use := int(min(c.Use, most))
			if use > least || use == least && c.Count() <= room {
				if use == least {
					room -= c.Count()
				}
				return false
			}
			dropped += c.Count()
			return true
		})
	}
	return dropped
}

// hottest chooses whole relations, as long as there is room. Of one that is too large the
// end is taken: most tables grow there.
func (u *Upgrade) hottest(ctx context.Context, room int) (all []resident, err error) {
	for _, db := range u.inv.Databases {
		conn, err := u.Source.Connect(ctx, db.Name)
		if err != nil {
			return nil, err
		}
		list, err := cluster.HotRelations(ctx, conn)
		conn.Close(context.WithoutCancel(ctx))
		if err != nil {
			return nil, fmt.Errorf("database %s: %w", db.Name, err)
		}
		all = append(all, resident{database: db.Name, spans: ends(list, int64(room/len(u.inv.Databases)))})
	}
	return all, nil
}

func ends(list []cluster.Hot, room int64) (out []cluster.Span) {
	for _, h := range list {
		if room == 0 {
			break
		}
		n := min(h.Blocks, room)
		out = append(out, cluster.Span{Relation: h.Relation, First: h.Blocks - n, Last: h.Blocks - 1})
		room -= n
	}
	return out
}

// wanted is how many blocks are to be in memory.
func wanted(all []resident) (n int64) {
	for _, r := range all {
		if len(r.chunks) == 0 {
			for _, s := range r.spans {
				n += s.Len()
			}
		}
		for _, c := range r.chunks {
			n += int64(c.Count())
		}
	}
	return n
}

// portion is read in one go.
type portion struct {
	database string
	spans    []cluster.Span
	blocks   int64
}

func (p portion) in() string { return p.database }

// A portion is so large that it takes a moment and not long: it holds a lock on each relation.
const (
	portionBlocks = 4096
	portionSpans  = 1000
)

func portions(all []resident) (out []portion) {
	for _, r := range all {
		next := portion{database: r.database}
		add := func(s cluster.Span) {
			next.spans, next.blocks = append(next.spans, s), next.blocks+s.Len()
			if next.blocks >= portionBlocks || len(next.spans) == portionSpans {
				out, next = append(out, next), portion{database: r.database}
			}
		}
		for _, s := range r.spans {
			for ; s.Len() > portionBlocks; s.First += portionBlocks {
				part := s
				part.Last = s.First + portionBlocks - 1
				add(part)
			}
			add(s)
		}
		if len(next.spans) > 0 {
			out = append(out, next)
		}
	}
	return out
}
