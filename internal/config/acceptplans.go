package config

import (
	"strconv"

	yaml "go.yaml.in/yaml/v4"
)

// AcceptedPlan is a statement that may be carried out in a much worse way on the new server.
type AcceptedPlan struct {
	Query int64 // its number, as Lull names it: queryid on the source, where there is one
	By    string
	Why   string
}

func (d *document) acceptPlans(into *[]AcceptedPlan) reader {
	return d.list(func(n *yaml.Node) {
		var a AcceptedPlan
		d.object(n, "an accepted plan",
			need("query", d.queryID(&a.Query)),
			need("by", d.line(&a.By)),
			need("why", d.line(&a.Why)))
		*into = append(*into, a)
	})
}

// queryID reads the number of a statement: any but none.
func (d *document) queryID(into *int64) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil || id == 0 {
			d.problem(n, "copy the number that lull run names", "%q is not the number of a statement", shorten(s))
			return
		}
		*into = id
	}
}
