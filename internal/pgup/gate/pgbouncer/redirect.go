package pgbouncer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/gate"
)

// errHostList says that an entry names several hosts, of which only some are meant.
var errHostList = errors.New("lists several hosts")

// points tells whether an entry points at a server.
type points func(gate.Addr) bool

// edit is one replacement in the file.
type edit struct {
	at   span
	text string
}

// redirect gives the file back with the entries that point at a server pointing at
// another, and their names. All other bytes stay as they are.
func redirect(b []byte, at points, to gate.Addr) (out []byte, names []string, err error) {
	all, err := entries(b)
	if err != nil {
		return nil, nil, err
	}
	if err := sound(to); err != nil {
		return nil, nil, err
	}
	var edits []edit
	for _, e := range all {
		hit, err := e.pointsAt(at)
		if err != nil {
			return nil, nil, err
		}
		if hit {
			names = append(names, e.name)
			edits = append(edits, e.edits(to)...)
		}
	}
	return splice(b, edits), names, nil
}

// pointsAt compares every host of the entry. A list that is only partly the server's
// would send some clients elsewhere after the switch, so it is refused.
func (e entry) pointsAt(at points) (bool, error) {
	hosts := strings.Split(e.host, ",")
	hits := 0
	for _, h := range hosts {
		if at(gate.Addr{Host: h, Port: e.port}) {
			hits++
		}
	}
	if hits > 0 && hits < len(hosts) {
		return false, hint.Wrap(fmt.Errorf("line %d: database %q %w, and not all are the server under upgrade", e.line, e.name, errHostList),
			"leave one host in the entry, or only addresses of the server under upgrade")
	}
	return hits > 0, nil
}

func (e entry) edits(to gate.Addr) []edit {
	var out []edit
	missing := ""
	set := func(key, now, want string, at *span) {
		switch {
		case now == want:
		case at != nil:
			out = append(out, edit{*at, quoteIfNeeded(want)})
		default:
			missing += " " + key + "=" + quoteIfNeeded(want)
		}
	}
	set("host", e.host, to.Host, e.hostv)
	set("port", strconv.Itoa(e.port), strconv.Itoa(to.Port), e.portv)
	if missing != "" {
		out = append(out, edit{span{e.end, e.end}, missing})
	}
	return out
}

func splice(b []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(x, y edit) int { return x.at.start - y.at.start })
	var out bytes.Buffer
	done := 0
	for _, e := range edits {
		out.Write(b[done:e.at.start])
		out.WriteString(e.text)
		done = e.at.end
	}
	out.Write(b[done:])
	return out.Bytes()
}

// sound refuses an address that an entry cannot hold.
func sound(a gate.Addr) error {
	if a.Host == "" || a.Port <= 0 || strings.ContainsAny(a.Host, ",\n\r\x00") {
		return fmt.Errorf("%q is no address for a pgbouncer entry", a)
	}
	return nil
}

func quoteIfNeeded(s string) string {
	if !strings.ContainsAny(s, " '\t\v\f") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
