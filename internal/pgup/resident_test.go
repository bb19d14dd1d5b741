package pgup

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

func TestFit(t *testing.T) {
	t.Parallel()
	chunk := func(number int64, blocks uint32, use int16) cluster.Chunk {
		return cluster.Chunk{Relation: 1, Number: number, Blocks: blocks, Use: use}
	}
	for _, tt := range []struct {
		room    int
		want    string // the chunks that stay, by number
		dropped int
	}{
		{100, "[[0 1 2] [3 4]]", 0},
		{12, "[[0 1 2] [3 4]]", 0},
		{11, "[[0 1 2] [3]]", 4}, // the one of four blocks does not fit, and is used no more than others
		{8, "[[0 1 2] [3]]", 4},
		{7, "[[0 1] [3]]", 5},
		{6, "[[0 1] []]", 9},
		{2, "[[0] []]", 11},
		{0, "[[] []]", 12},
	} {
		all := []resident{
			{database: "a", chunks: []cluster.Chunk{chunk(0, 1, 5), chunk(1, 3, 5), chunk(2, 2, 0)}},
			{database: "b", chunks: []cluster.Chunk{chunk(3, 15, 3), chunk(4, 15, 0)}},
		}
		dropped := fit(all, tt.room)
		left := [][]int64{{}, {}}
		for i, r := range all {
			for _, c := range r.chunks {
				left[i] = append(left[i], c.Number)
			}
		}
		if got := fmt.Sprint(left); got != tt.want || dropped != tt.dropped {
			t.Errorf("room for %d: %s stay and %d blocks are dropped; want %s and %d", tt.room, got, dropped, tt.want, tt.dropped)
		}
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	list := []cluster.Hot{{Relation: 1, Blocks: 10}, {Relation: 2, Blocks: 100}, {Relation: 3, Blocks: 1}}
	want := []cluster.Span{{Relation: 1, First: 0, Last: 9}, {Relation: 2, First: 80, Last: 99}}
	if d := cmp.Diff(want, ends(list, 30)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := ends(list, 1000); len(got) != 3 {
		t.Errorf("with room for all: %v", got)
	}
}

func TestPortions(t *testing.T) {
	t.Parallel()
	large := cluster.Span{Relation: 1, First: 10, Last: 10 + 2*portionBlocks + 4}
	var small []cluster.Span
	for i := range int64(portionSpans + 1) {
		small = append(small, cluster.Span{Relation: 2, First: 10 * i, Last: 10 * i})
	}
	got := portions([]resident{{database: "a", spans: []cluster.Span{large}}, {database: "none"}, {database: "b", spans: small}})
	var shape []string
	for _, p := range got {
		shape = append(shape, fmt.Sprintf("%s: %d spans, %d blocks", p.database, len(p.spans), p.blocks))
	}
	want := []string{"a: 1 spans, 4096 blocks", "a: 1 spans, 4096 blocks", "a: 1 spans, 5 blocks", "b: 1000 spans, 1000 blocks", "b: 1 spans, 1 blocks"}
	if d := cmp.Diff(want, shape); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
