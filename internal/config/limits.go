package config

import (
	"regexp"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// RollBackIf are the limits past which an upgrade goes back to the old server by itself.
// What is not written is only shown.
type RollBackIf struct {
	Errors float64 // how many more of all transactions may fail than before, 0.01 for "1%"; 0 = no limit
	P99    float64 // how many times as long as before statements may take, 3 for "3x"; 0 = no limit
}

func (d *document) rollBackIf(r *RollBackIf) reader {
	return func(n *yaml.Node) {
		d.object(n, "roll_back_if",
			may("errors", d.percent(&r.Errors)),
			may("p99", d.times(&r.P99)))
		if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
			d.problem(n, `such as "roll_back_if: {errors: 1%, p99: 3x}"`, "roll_back_if names no limit")
		}
	}
}

var percentage = regexp.MustCompile(`^([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%$`)

// percent reads a share of a whole, which is more than none of it.
func (d *document) percent(into *float64) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		x, found := decimal(percentage, s)
		if !found || x <= 0 || x > 100 {
			d.problem(n, `such as "1%" or "0.5%"`, "%q is not a share between 0%% and 100%%", shorten(s))
			return
		}
		*into = x / 100
	}
}

// mostTimes is a factor beyond which nobody would wait to be told.
const mostTimes = 1000

var factor = regexp.MustCompile(`^([0-9]{1,4}(?:\.[0-9]{1,6})?)x$`)

// times reads how many times as much something may be.
func (d *document) times(into *float64) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		x, found := decimal(factor, s)
		if !found || x <= 1 || x > mostTimes {
			d.problem(n, `such as "3x" or "1.5x"`, "%q is not a factor above 1x and up to %dx", shorten(s), mostTimes)
			return
		}
		*into = x
	}
}

func decimal(shape *regexp.Regexp, s string) (float64, bool) {
	m := shape.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, false
	}
	x, err := strconv.ParseFloat(m[1], 64)
	return x, err == nil
}
