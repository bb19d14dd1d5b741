package checks

import "slices"

// Settled is what was found before and is not found now: findings with those objects only. Notes ask for
// nothing, so nothing of them is settled.
func Settled(before, now []Finding) (out []Finding) {
	for _, was := range before {
		if was.Severity == Note {
			continue
		}
		is := slices.IndexFunc(now, func(f Finding) bool { return f.ID == was.ID && f.Database == was.Database })
		switch {
		case is < 0:
			out = append(out, was)
		case len(was.Objects) > 1 || len(now[is].Objects) > 1: // of a single one the name may hold a figure
			if gone := without(was.Objects, allOf(now, was)); len(gone) > 0 {
				c := Check{ID: was.ID, Severity: was.Severity, Title: was.Title, Why: was.Why, Fix: was.Fix, Lull: was.Lull}
				f := c.Finding(was.Database, gone)
				f.Where = was.Where
				out = append(out, f)
			}
		}
	}
	return out
}

// allOf are the objects found now by the same check in the same database, whatever their severity.
func allOf(now []Finding, was Finding) (out []Object) {
	for _, f := range now {
		if f.ID == was.ID && f.Database == was.Database {
			out = append(out, f.Objects...)
		}
	}
	return out
}

func without(objects, others []Object) []Object {
	return slices.DeleteFunc(slices.Clone(objects), func(o Object) bool {
		return slices.ContainsFunc(others, func(p Object) bool { return p.Name == o.Name })
	})
}
