package config

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// Reading connection strings as libpq does: "Connection Strings" in the manual,
// conninfo_parse and conninfo_uri_parse in fe-connect.c. The errors say where it
// went wrong by keyword at most, never by value.

var keyword = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

func parseDSN(s string) ([]param, error) {
	var out params
	var err error
	if rest, ok := cutScheme(s); ok {
		err = out.parseURL(rest)
	} else {
		err = out.parseKeywords(s)
	}
	if err == nil && len(out) == 0 {
		err = errors.New("it is empty")
	}
	return out, err
}

func cutScheme(s string) (string, bool) {
	if rest, ok := strings.CutPrefix(s, "postgres://"); ok {
		return rest, true
	}
	return strings.CutPrefix(s, "postgresql://")
}

type params []param

// set lets a later value win, as libpq does.
func (ps *params) set(key, value string) error {
	switch {
	case !keyword.MatchString(key):
		return errors.New("something is not of the form key=value")
	case key == "sslpassword":
		return errors.New("sslpassword is not supported, use a key file without one")
	case strings.Contains(value, "\x00"):
		return errors.New(key + " holds a zero byte")
	}
	for i := range *ps {
		if (*ps)[i].key == key {
			(*ps)[i].value = NewSecret(value)
			return nil
		}
	}
	*ps = append(*ps, param{key, NewSecret(value)})
	return nil
}

const blanks = " \t\r\n\f\v"

func (ps *params) parseKeywords(s string) error {
	for s = strings.TrimLeft(s, blanks); s != ""; {
		key, rest, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("something is not of the form key=value")
		}
		value, rest, err := cutValue(strings.TrimLeft(rest, blanks))
		if err != nil {
			return err
		}
		if err := ps.set(strings.TrimRight(key, blanks), value); err != nil {
			return err
		}
		s = strings.TrimLeft(rest, blanks)
	}
	return nil
}

// cutValue takes a bare or quoted value off the front; a backslash takes the next character as it is.
func cutValue(s string) (value, rest string, err error) {
	var b strings.Builder
	quoted := strings.HasPrefix(s, "'")
	if quoted {
		s = s[1:]
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '\\':
		case quoted && c == '\'':
			return b.String(), s[i+1:], nil
		case !quoted && strings.IndexByte(blanks, c) >= 0:
			return b.String(), s[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return "", "", errors.New("a quote is not closed")
	}
	return b.String(), "", nil
}

// parseURL takes what follows the scheme: [user[:password]@][host[:port],...][/dbname][?key=value&...]
func (ps *params) parseURL(s string) error {
	s, query, _ := strings.Cut(s, "?")
	authority, database, _ := strings.Cut(s, "/")
	var pairs [][2]string
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		user, pass, _ := strings.Cut(authority[:i], ":")
		pairs = append(pairs, [2]string{"user", user}, [2]string{password, pass})
		authority = authority[i+1:]
	}
	hosts, ports, err := splitHosts(authority)
	if err != nil {
		return err
	}
	pairs = append(pairs, [2]string{"host", hosts}, [2]string{"port", ports}, [2]string{"dbname", database})
	for _, pair := range pairs {
		if err := ps.setEscaped(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return ps.parseQuery(query)
}

func (ps *params) parseQuery(query string) error {
	for _, pair := range strings.Split(query, "&") {
		if pair == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return errors.New("something after ? is not of the form key=value")
		}
		if err := ps.setEscaped(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (ps *params) setEscaped(key, value string) error {
	text, err := url.PathUnescape(value)
	if err != nil {
		return errors.New(key + " holds a bad % escape")
	}
	if text == "" {
		return nil
	}
	return ps.set(key, text)
}

// splitHosts takes "a:1,[::1]:2,c" apart into "a,::1,c" and "1,2,".
func splitHosts(s string) (hosts, ports string, err error) {
	if s == "" {
		return "", "", nil
	}
	var hs, ps []string
	for _, one := range strings.Split(s, ",") {
		host, port := one, ""
		if strings.HasPrefix(one, "[") {
			end := strings.IndexByte(one, ']')
			if end < 0 {
				return "", "", errors.New("a bracket is not closed")
			}
			host, port = one[1:end], strings.TrimPrefix(one[end+1:], ":")
		} else if i := strings.IndexByte(one, ':'); i >= 0 {
			host, port = one[:i], one[i+1:]
		}
		hs, ps = append(hs, host), append(ps, port)
	}
	ports = strings.Join(ps, ",")
	if strings.Trim(ports, ",") == "" {
		ports = ""
	}
	return strings.Join(hs, ","), ports, nil
}
