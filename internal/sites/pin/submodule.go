package pin

import (
	"errors"
	"strings"
)

// submodule is an entry of .gitmodules; its commit is in the tree.
type submodule struct{ path string }

func findSubmodule(data []byte, t Theme) (Pin, error) {
	var out []string
	at, address := "", ""
	flush := func() {
		if at != "" && t.isAt(address) {
			out = append(out, at)
		}
		at, address = "", ""
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			flush()
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		switch value = strings.Trim(strings.TrimSpace(value), `"`); strings.TrimSpace(key) {
		case "path":
			at = value
		case "url":
			address = value
		}
	}
	flush()
	switch len(out) {
	case 0:
		return Pin{}, ErrNone
	case 1:
		return Pin{Path: out[0], entry: submodule{out[0]}}, nil
	}
	return Pin{}, errors.New("the theme is there twice")
}

func (s submodule) move(_ Theme, _, _ Source, to Target) ([]Edit, error) {
	return []Edit{{File: s.path, Link: to.Commit}}, nil
}
