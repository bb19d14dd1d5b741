package sites

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/proc"
)

// Hook are the operator's commands. Each gets the banner as JSON on its standard input. They run in Dir.
type Hook struct {
	On, Off []string
	// State prints "on" when the site has the very banner that it is given, "off" when it has none, and anything else otherwise.
	State  []string
	Dir    string
	Within time.Duration // that each may take
}

// hook is a site that the operator's commands switch.
type hook struct{ site Site }

// hookBanner is what a command is given.
type hookBanner struct {
	Site     string            `json:"site"`
	Enabled  bool              `json:"enabled"`
	Text     string            `json:"text"`
	URL      string            `json:"url"`
	ID       string            `json:"id"`
	StartsAt *time.Time        `json:"starts_at"`
	EndsAt   *time.Time        `json:"ends_at"`
	Severity string            `json:"severity"`
	Locale   map[string]string `json:"locale"`
}

func (h hook) run(ctx context.Context, what string, argv []string, b Banner, on bool) (string, error) {
	in := hookBanner{Site: h.site.Name, Enabled: on, Text: b.Text, URL: b.URL, ID: b.ID, Severity: b.Severity, Locale: b.Texts}
	if !b.StartsAt.IsZero() {
		in.StartsAt = &b.StartsAt
	}
	if !b.EndsAt.IsZero() {
		in.EndsAt = &b.EndsAt
	}
	stdin, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, h.site.Hook.Within)
	defer cancel()
	out, err := proc.Run(ctx, proc.Cmd{Name: "the command `" + what + "`", Args: argv, Dir: h.site.Hook.Dir, Stdin: append(stdin, '\n')})
	if err != nil {
		return "", hint.Or(err, "try it by hand: "+strings.Join(argv, " "))
	}
	return strings.TrimSpace(string(out)), nil
}

func (h hook) look(ctx context.Context, b Banner) (Finding, error) {
	out, err := h.run(ctx, "state", h.site.Hook.State, b, true)
	f := Finding{State: StateOther, Place: "the command `state`"}
	if s := State(out); s == StateOn || s == StateOff {
		f.State = s
	}
	return f, err
}

func (h hook) put(ctx context.Context, b Banner, on bool) (result, error) {
	want, word, argv := StateOff, "off", h.site.Hook.Off
	if on {
		want, word, argv = StateOn, "on", h.site.Hook.On
	}
	if f, err := h.look(ctx, b); err != nil || f.State == want {
		return result{where: "as the command `state` says"}, err
	}
	if _, err := h.run(ctx, word, argv, b, on); err != nil {
		return result{}, err
	}
	f, err := h.look(ctx, b)
	if err == nil && f.State != want {
		err = hint.Errorf("let the command `state` print "+string(want)+" when it is so", "the command `%s` ended well, and the site is %s", word, f.State)
	}
	return result{made: true, where: "by the command `" + word + "`"}, err
}

func (hook) begun(context.Context, Banner) (bool, error) { return false, nil }
func (hook) drop(context.Context, Banner) error          { return nil }
func (hook) close()                                      {}

// String keeps arguments, which may hold secrets, out of what is printed.
func (h Hook) String() string { return fmt.Sprintf("commands in %s", h.Dir) }
