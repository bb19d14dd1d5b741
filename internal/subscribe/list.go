package subscribe

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// columns of a list, in the order in which it is written. Only the address has to be there.
var columns = []string{"address", "way", "kinds", "components", "language", "zone", "state", "reason"}

// WriteList writes the head of a list, and each subscriber that next gives until it gives none.
func WriteList(w io.Writer, next func() ([]Subscriber, error)) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	for {
		some, err := next()
		if err != nil {
			return err
		}
		for _, s := range some {
			if err := out.Write([]string{s.Address, string(s.Way), kinds(s.Choice), strings.Join(s.Choice.Components, " "), s.Choice.Language, s.Choice.Zone, string(s.State), s.Reason}); err != nil {
				return err
			}
		}
		if len(some) == 0 {
			out.Flush()
			return out.Error()
		}
	}
}

func kinds(c Choice) string {
	out := make([]string, len(c.Kinds))
	for i, k := range c.Kinds {
		out[i] = string(k)
	}
	return strings.Join(out, " ")
}

// ReadList reads a list: a head that names the columns, and a line a subscriber. Without a way it is mail; without kinds it is what lacking
// says. Each problem has its line.
func ReadList(r io.Reader, lacking []Kind, components, languages []string) (out []Subscriber, err error) {
	in := csv.NewReader(r)
	in.TrimLeadingSpace, in.FieldsPerRecord = true, -1
	head, err := in.Read()
	if err != nil {
		return nil, hint.Errorf("begin it with a line such as: address,kinds", "the list has no head")
	}
	for i, name := range head {
		head[i] = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if !slices.Contains(columns, head[i]) {
			return nil, hint.Errorf("name some of: "+strings.Join(columns, ", "), "the list has a column %q", name)
		}
	}
	if !slices.Contains(head, "address") {
		return nil, hint.Errorf("begin it with a line such as: address,kinds", "the list has no column of addresses")
	}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, hint.Wrap(err, "correct the line, and import it again")
		}
		s, err := listed(head, row, lacking, components, languages)
		if err != nil {
			line, _ := in.FieldPos(0)
			return nil, hint.Or(fmt.Errorf("line %d: %w", line, err), "correct the line, and import it again")
		}
		out = append(out, s)
	}
}

func listed(head, row []string, lacking []Kind, components, languages []string) (s Subscriber, err error) {
	get := func(name string) string {
		if i := slices.Index(head, name); i >= 0 && i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	if s.Way = Way(get("way")); s.Way == "" {
		s.Way = Email
	}
	if s.Address, err = s.Way.Address(get("address")); err != nil {
		return s, err
	}
	if s.State = State(get("state")); s.State == "" {
		s.State = Active
	}
	if !slices.Contains(States, s.State) {
		return s, fmt.Errorf("%q is no state of a subscriber", s.State)
	}
	s.Reason = get("reason")
	for _, k := range strings.Fields(get("kinds")) {
		if !slices.Contains(Kinds, Kind(k)) {
			return s, fmt.Errorf("%q is no kind of news", k)
		}
		s.Choice.Kinds = append(s.Choice.Kinds, Kind(k))
	}
	if s.Choice.Kinds == nil {
		s.Choice.Kinds = lacking
	}
	s.Choice.Components, s.Choice.Language, s.Choice.Zone = strings.Fields(get("components")), get("language"), get("zone")
	s.Choice, err = s.Choice.Check(components, languages)
	return s, err
}
