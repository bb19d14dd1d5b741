package config

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"github.com/lullhq/lull/internal/hint"
)

// DSN says how to reach a server. It prints without its password.
type DSN struct {
	params       []param
	passwordFile string
}

// ParseDSN reads a connection string that was typed, as libpq does. passwordFile may be empty.
func ParseDSN(conninfo, passwordFile string) (DSN, error) {
	params, err := parseDSN(conninfo)
	if err != nil {
		return DSN{}, fmt.Errorf("read the connection string: %w", err)
	}
	return DSN{params: params, passwordFile: passwordFile}, nil
}

// HasPassword says whether the string itself holds one.
func (s DSN) HasPassword() bool {
	return slices.ContainsFunc(s.params, func(p param) bool { return p.key == password })
}

// param is a keyword of libpq's connection strings. Any value may have come from
// the environment, so each is kept from being printed by accident.
type param struct {
	key   string
	value Secret
}

// password is the one keyword whose value nobody may see.
const password = "password"

// Conninfo gives the whole connection string in libpq's keyword form. The password
// file is read now, so that a changed password needs no restart.
func (s DSN) Conninfo() (Secret, error) {
	public, pass, err := s.Split()
	if err != nil {
		return Secret{}, err
	}
	if !pass.Empty() {
		public = strings.TrimSpace(public + " " + password + "=" + quote(pass.Reveal()))
	}
	return NewSecret(public), nil
}

// Split gives the connection string without its password, for command lines, and
// the password apart, for PGPASSWORD or a password file.
func (s DSN) Split() (conninfo string, pass Secret, err error) {
	for _, p := range s.params {
		if p.key == password {
			pass = p.value
		}
	}
	if s.passwordFile != "" {
		pass, err = ReadPassword(s.passwordFile)
	}
	return s.render(func(p param) string { return quote(p.value.Reveal()) }, password), pass, err
}

// String is the connection string with *** for its password.
func (s DSN) String() string {
	return s.render(func(p param) string {
		if p.key == password {
			return hidden
		}
		return quote(p.value.Reveal())
	}, "")
}

// MarshalText is String: a configuration that is dumped shows no password.
func (s DSN) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Redacted gives a connection string without its password, in keyword form.
// What cannot be read is hidden whole.
func Redacted(dsn string) string {
	params, err := parseDSN(dsn)
	if err != nil {
		return hidden
	}
	return DSN{params: params}.String()
}

func (s DSN) render(value func(param) string, without string) string {
	var out []string
	for _, p := range s.params {
		if p.key != without {
			out = append(out, p.key+"="+value(p))
		}
	}
	return strings.Join(out, " ")
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_./:,@%+-]+$`)

func quote(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// ReadPassword reads the one line of a file that nobody but its owner may read.
func ReadPassword(path string) (Secret, error) {
	s, err := readPrivate(path, "password")
	if err != nil {
		return Secret{}, err
	}
	if s == "" || strings.ContainsAny(s, "\x00\n") {
		return Secret{}, hint.Errorf("write the password as its one line", "read password: %s does not hold one line", path)
	}
	return NewSecret(s), nil
}

// ReadKeys reads all lines of a file that nobody but its owner may read.
func ReadKeys(path string) (Secret, error) {
	s, err := readPrivate(path, "keys")
	return NewSecret(s), err
}

// mostPrivate bounds a file of secrets, in bytes.
const mostPrivate = 4096

func readPrivate(path, what string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", hint.Wrap(fmt.Errorf("read %s: %w", what, err), "write the "+what+" into that file, then chmod 600 "+path)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	if !info.Mode().IsRegular() {
		return "", hint.Errorf("write the "+what+" into a file of its own", "read %s: %s is not a file", what, path)
	}
	if mode := info.Mode().Perm(); mode&^0o600 != 0 {
		return "", hint.Errorf("chmod 600 "+path, "read %s: %s may be read by others (mode %04o)", what, path, mode)
	}
	data, err := io.ReadAll(io.LimitReader(f, mostPrivate))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}

// dsn reads {dsn, password_file}; what says whose it is.
func (d *document) dsn(what string, into *DSN) reader {
	return func(n *yaml.Node) {
		var file *yaml.Node
		d.object(n, what,
			need("dsn", d.conninfo(into)),
			may("password_file", func(n *yaml.Node) { file = n }))
		d.passwordFile(into, file)
	}
}

func (d *document) passwordFile(s *DSN, n *yaml.Node) {
	if n == nil {
		return
	}
	if s.HasPassword() {
		d.problem(n, "take one of the two out", "the connection string holds a password already")
	}
	d.absolute(&s.passwordFile)(n)
}

// conninfo never repeats what it read: there may be a password in it.
func (d *document) conninfo(into *DSN) reader {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n)
		if !ok {
			return
		}
		whole := variable.FindString(text) == text
		if whole {
			if text, ok = d.expand(n, text); !ok {
				return
			}
		}
		params, err := parseDSN(text)
		if err != nil {
			d.problem(n, `such as "host=127.0.0.1 port=5432 user=lull dbname=postgres" or "postgres://lull@127.0.0.1/postgres"`, "not a connection string: %v", err)
			return
		}
		for i := range params {
			if whole {
				break
			}
			value, _ := d.expand(n, params[i].value.Reveal())
			params[i].value = NewSecret(value)
		}
		into.params = params
	}
}

var variable = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// expand puts in the environment's values after the string was taken apart, so
// that no value can add keywords of its own.
func (d *document) expand(n *yaml.Node, s string) (out string, ok bool) {
	ok = true
	out = variable.ReplaceAllStringFunc(s, func(m string) string {
		name := m[2 : len(m)-1]
		v, set := d.lookup(name)
		if !set {
			d.problem(n, "export "+name+"=...", "the environment variable %s is not set", name)
			ok = false
		}
		return v
	})
	return out, ok
}
