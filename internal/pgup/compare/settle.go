package compare

import (
	"context"
	"maps"
	"slices"
)

// sighting is what the source showed of a thing at one moment: a row, or a bucket of
// rows. The zero sighting is of nothing there.
type sighting struct{ value, version string }

// suspect is something that was not equal at the first look.
type suspect struct {
	id     string
	before sighting // the source's, from before the newest barrier
	target string   // what was last seen there, "" = nothing
	proven int      // how many looks in a row showed a difference that was not in flight
}

// outcome is what a look says.
type outcome int

const (
	again outcome = iota
	settled
	differs
)

// proofs are how many looks in a row must show a difference. One would do but for a row
// that is absent, comes and goes again between two looks.
const proofs = 2

// judge weighs what the target showed after the barrier, and the source after that.
// Equal once is enough: from then on the stream keeps it equal.
func (s *suspect) judge(target string, after sighting) outcome {
	unchanged := after == s.before
	equal := target == s.before.value || target == after.value
	s.before, s.target = after, target
	switch {
	case equal:
		return settled
	case !unchanged:
		s.proven = 0
		return again
	}
	if s.proven++; s.proven == proofs {
		return differs
	}
	return again
}

// change says on which side the thing is.
func (s *suspect) change() Change {
	switch {
	case s.target == "":
		return OnlySource
	case s.before.value == "":
		return OnlyTarget
	}
	return Changed
}

// differing are the suspects of two lists.
func differing(source, target map[string]string) (out []*suspect) {
	for id, value := range source {
		if target[id] != value {
			out = append(out, &suspect{id: id})
		}
	}
	for id := range target {
		if _, ok := source[id]; !ok {
			out = append(out, &suspect{id: id})
		}
	}
	return out
}

// views are how suspects are looked at on each side.
type views struct {
	source  func(context.Context, []*suspect) (map[string]sighting, error)
	target  func(context.Context, []*suspect) (map[string]string, error)
	barrier func(context.Context) error
}

// settle looks at the suspects until each is equal or proven to differ, at most so often.
func (v views) settle(ctx context.Context, suspects []*suspect, looks int) (different, moving []*suspect, err error) {
	if len(suspects) == 0 {
		return nil, nil, nil
	}
	seen, err := v.source(ctx, suspects)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range suspects {
		s.before = seen[s.id]
	}
	for range looks {
		if err := v.barrier(ctx); err != nil {
			return nil, nil, err
		}
		target, err := v.target(ctx, suspects)
		if err != nil {
			return nil, nil, err
		}
		source, err := v.source(ctx, suspects)
		if err != nil {
			return nil, nil, err
		}
		var left []*suspect
		for _, s := range suspects {
			switch s.judge(target[s.id], source[s.id]) {
			case again:
				left = append(left, s)
			case differs:
				different = append(different, s)
			}
		}
		if suspects = left; len(suspects) == 0 {
			break
		}
	}
	return different, suspects, nil
}

// unequal are the buckets that are not the same on both sides.
func unequal(source, target map[string]digest) (out []*suspect) {
	ids := maps.Clone(source)
	maps.Copy(ids, target)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if source[id] != target[id] {
			out = append(out, &suspect{id: id})
		}
	}
	return out
}
