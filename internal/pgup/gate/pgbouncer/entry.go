package pgbouncer

import (
	"errors"
	"fmt"
	"strconv"
)

// defaultPort is what an entry without port= means (src/loader.c, parse_database).
const defaultPort = 5432

// entry is a line of the section [databases].
type entry struct {
	name  string
	line  int
	host  string // "" = the Unix socket in unix_socket_dir
	port  int
	hostv *span // where the value stands in the file, with its quotes; nil = not given
	portv *span
	end   int // where the entry ends
}

// entries reads the section [databases] of a configuration file.
func entries(b []byte) ([]entry, error) {
	settings, err := scanINI(b)
	if err != nil {
		return nil, err
	}
	var out []entry
	for _, s := range settings {
		if s.section != "databases" {
			continue
		}
		e, err := readEntry(b, s)
		if err != nil {
			return nil, fmt.Errorf("line %d: database %q: %w", s.line, s.key, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func readEntry(b []byte, s setting) (entry, error) {
	e := entry{name: s.key, line: s.line, port: defaultPort, end: s.value.end}
	for p := s.value.start; ; {
		pair, next, err := scanPair(b, p, s.value.end)
		if err != nil || pair.key == "" {
			return e, err
		}
		switch pair.key {
		case "host":
			e.host, e.hostv = pair.value, &pair.at
		case "port":
			if e.port, err = strconv.Atoi(pair.value); err != nil || e.port <= 0 {
				return e, fmt.Errorf("port %q is not a number", pair.value)
			}
			e.portv = &pair.at
		}
		p = next
	}
}

type pair struct {
	key   string
	value string
	at    span // the value with its quotes
}

// scanPair reads one key=value of a connection string as PgBouncer does (src/loader.c,
// cstr_get_pair): only spaces separate, a quote in a quoted value is doubled, and the
// byte behind a value is skipped whatever it is. An empty key says that there is no more.
func scanPair(b []byte, p, end int) (pair, int, error) {
	p = skipSpaces(b, p, end)
	if p == end {
		return pair{}, p, nil
	}
	key := span{p, p}
	for key.end < end && b[key.end] != '=' && b[key.end] != ' ' {
		key.end++
	}
	p = skipSpaces(b, key.end, end)
	if p == end || b[p] != '=' || key.start == key.end {
		return pair{}, p, errors.New("expected key=value")
	}
	out := pair{key: key.of(b)}
	p = skipSpaces(b, p+1, end)
	out.at.start = p
	var err error
	if p < end && b[p] == '\'' {
		out.value, p, err = scanQuoted(b, p+1, end)
	} else {
		for p < end && b[p] != ' ' {
			p++
		}
		out.value = string(b[out.at.start:p])
	}
	if err == nil && out.value == "" {
		err = fmt.Errorf("%s has no value", out.key)
	}
	out.at.end = p
	return out, min(p+1, end), err
}

func scanQuoted(b []byte, p, end int) (value string, next int, err error) {
	var out []byte
	for ; p < end; p++ {
		if b[p] == '\'' {
			if p+1 == end || b[p+1] != '\'' {
				return string(out), p + 1, nil
			}
			p++
		}
		out = append(out, b[p])
	}
	return "", p, errors.New("quote without end")
}

func skipSpaces(b []byte, p, end int) int {
	for p < end && b[p] == ' ' {
		p++
	}
	return p
}
