package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	yaml "go.yaml.in/yaml/v4"
)

const (
	maxLine = 200    // a title is a mail's subject and a feed's headline
	maxText = 10_000 // a summary, a query
)

func (d *document) scalar(n *yaml.Node) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.problem(n, "", "a single value belongs here, not %s", kind(n))
		return "", false
	}
	return n.Value, true
}

// checked reads a single value; complain says what is wrong with it, or "".
func (d *document) checked(into *string, complain func(string) string, hint string) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		if c := complain(s); c != "" {
			d.problem(n, hint, "%q %s", shorten(s), c)
			return
		}
		*into = s
	}
}

func (d *document) line(into *string) reader {
	return d.checked(into, func(s string) string {
		if strings.ContainsAny(s, "\n\t") {
			return "is more than one line"
		}
		return proseComplaint(s, maxLine)
	}, "")
}

func (d *document) text(into *string) reader {
	return d.checked(into, func(s string) string { return proseComplaint(s, maxText) }, "")
}

func proseComplaint(s string, longest int) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "is empty"
	case len(s) > longest:
		return fmt.Sprintf("is longer than %d bytes", longest)
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return "holds control characters"
	}
	return ""
}

// raw reads any single value as it is written, also an empty one.
func (d *document) raw(into *string) reader {
	return d.checked(into, func(string) string { return "" }, "")
}

var slug = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

func (d *document) slug(into *string) reader {
	return d.checked(into, func(s string) string {
		if !slug.MatchString(s) {
			return "is not a name for files and addresses"
		}
		return ""
	}, `write a to z, 0 to 9 and "-", 64 at most`)
}

func (d *document) oneOf(into *string, what string, known []string) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		switch {
		case !ok:
		case slices.Contains(known, s):
			*into = s
		case len(known) == 0:
			d.problem(n, "add it to lull.yaml", "unknown %s %q: there is none in lull.yaml", what, shorten(s))
		default:
			d.problem(n, nearest(s, known, "known"), "unknown %s %q", what, shorten(s))
		}
	}
}

func (d *document) number(into *int, least, most int) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		i, err := strconv.Atoi(s)
		if err != nil || i < least || i > most {
			d.problem(n, "", "%q is not a whole number from %d to %d", shorten(s), least, most)
			return
		}
		*into = i
	}
}

func (d *document) onOff(into *bool) reader { return d.either(into, "on", "off") }

func (d *document) yesNo(into **bool) reader {
	return func(n *yaml.Node) {
		*into = new(bool)
		d.either(*into, "true", "false")(n)
	}
}

func (d *document) either(into *bool, yes, no string) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if ok && s != yes && s != no {
			d.problem(n, "", "%s or %s belongs here, not %q", yes, no, shorten(s))
		}
		*into = s == yes
	}
}

const longestDuration = 366 * 24 * time.Hour

var daysAndRest = regexp.MustCompile(`^(?:([0-9]{1,3})d)?(.*)$`)

func (d *document) duration(into *time.Duration) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		length, err := ParseDuration(s)
		if err != nil || length <= 0 || length > longestDuration {
			d.problem(n, `such as "90m", "2h", "1h30m" or "14d"`, "%q is not a length of time", shorten(s))
			return
		}
		*into = length
	}
}

// ParseDuration is time.ParseDuration with days of 24 hours before it: "14d".
func ParseDuration(s string) (time.Duration, error) {
	m := daysAndRest.FindStringSubmatch(s)
	if m == nil || m[1] == "" {
		return time.ParseDuration(s)
	}
	days, _ := strconv.Atoi(m[1]) // three digits at most, by the expression
	if m[2] == "" {
		return time.Duration(days) * 24 * time.Hour, nil
	}
	if strings.HasPrefix(m[2], "-") || strings.HasPrefix(m[2], "+") {
		return 0, fmt.Errorf("sign within %q", s)
	}
	rest, err := time.ParseDuration(m[2])
	return time.Duration(days)*24*time.Hour + rest, err
}

var size = regexp.MustCompile(`^([1-9][0-9]{0,5}) ?(MB|GB|TB)$`)

// bytes reads an amount of data, in powers of ten as it is shown everywhere.
func (d *document) bytes(into *int64) reader {
	units := map[string]int64{"MB": 1e6, "GB": 1e9, "TB": 1e12}
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		m := size.FindStringSubmatch(s)
		if m == nil {
			d.problem(n, `such as "500MB", "20GB" or "2TB"`, "%q is not an amount of data", shorten(s))
			return
		}
		count, _ := strconv.ParseInt(m[1], 10, 64) // six digits at most, by the expression
		*into = count * units[m[2]]
	}
}

// url never repeats what it read: there may be a password in it.
func (d *document) url(into *string) reader {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n)
		if !ok {
			return
		}
		u, err := url.Parse(s)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			d.problem(n, `such as "https://status.example.com/"`, "not an http or https address")
		case u.User != nil:
			d.problem(n, "take it out", "the address carries a user name, and addresses are shown to people")
		default:
			*into = s
		}
	}
}

// absolute reads a path, relative to the folder of the file.
func (d *document) absolute(into *string) reader {
	return func(n *yaml.Node) {
		var s string
		d.line(&s)(n)
		if strings.HasPrefix(s, "~") {
			d.problem(n, "write the whole path", "%q: the tilde is the shell's and means nothing here", shorten(s))
		} else if s != "" {
			*into = d.path(s)
		}
	}
}

func (d *document) path(s string) string {
	if filepath.IsAbs(s) {
		return filepath.Clean(s)
	}
	return filepath.Join(d.dir, s)
}

// inside reads a path that may not leave the folder that it is relative to.
func (d *document) inside(into *string) reader {
	return d.checked(into, func(s string) string {
		if !filepath.IsLocal(s) {
			return "is not a path inside the repository"
		}
		return proseComplaint(s, maxLine)
	}, `such as "_data/banner_notification.yml"`)
}

// settingName is what guc.c (valid_custom_variable_name) lets a parameter be called.
var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)*$`)

func (d *document) settings(into map[string]string) reader {
	return func(n *yaml.Node) {
		d.pairs(n, "settings", func(k, v *yaml.Node) {
			if !settingName.MatchString(k.Value) {
				d.problem(k, `such as "shared_buffers: 256MB"`, "%q is not the name of a Postgres setting", shorten(k.Value))
				return
			}
			d.value(k, v, func(v *yaml.Node) {
				var s string
				d.raw(&s)(v)
				into[k.Value] = s
			})
		})
	}
}

func (d *document) argv(into *[]string) reader {
	read := d.list(func(n *yaml.Node) {
		var s string
		d.raw(&s)(n)
		*into = append(*into, s)
	})
	return func(n *yaml.Node) {
		read(n)
		if n.Kind == yaml.SequenceNode && (len(*into) == 0 || (*into)[0] == "") {
			d.problem(n, `such as [systemctl, reload, app]`, "the command names no program")
		}
	}
}

func isPort(s string) bool {
	i, err := strconv.Atoi(s)
	return err == nil && i >= 0 && i <= 65535
}

// shorten keeps a message readable, whatever the file holds.
func shorten(s string) string {
	const longest = 60
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "..."
}
