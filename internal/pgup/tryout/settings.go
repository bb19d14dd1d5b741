package tryout

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/preflight"
	"github.com/lullhq/lull/internal/pgup/seed"
)

// settings feeds the source's changed settings to the new version's server, which starts nothing yet.
func (t Trial) settings(ctx context.Context) ([]checks.Finding, error) {
	conn, err := t.Source.Connect(ctx, "")
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	changed, err := cluster.ChangedSettings(ctx, conn)
	if err != nil {
		return nil, err
	}
	known, err := seed.KnownSettings(ctx, t.New)
	if err != nil {
		return nil, err
	}
	carried, unknown := seed.Carry(changed, known)
	maps.Copy(carried, t.Settings)
	refused, err := t.refused(ctx, carried)
	return append(found("settings-removed", "", removed(unknown)), found("settings-refused", "", refused)...), err
}

// removed says what takes the place of each.
func removed(names []string) (out []checks.Object) {
	for _, name := range names {
		o := checks.Object{Name: name}
		if at := slices.IndexFunc(preflight.RemovedSettings, func(r preflight.Removed) bool { return r.Name == name }); at >= 0 {
			r := preflight.RemovedSettings[at]
			o.Detail = fmt.Sprintf("gone since %d, now %s", r.Since, r.Now)
		}
		out = append(out, o)
	}
	return out
}

// refused has the server read them. It names all that it does not like, and starts nothing (manual, postgres -C).
func (t Trial) refused(ctx context.Context, settings map[string]string) ([]checks.Object, error) {
	file := filepath.Join(t.dir, "settings.conf")
	if err := t.New.Owner.WriteFile(file, seed.File("From the source.", settings)); err != nil {
		return nil, err
	}
	said, _ := t.New.Command(ctx, "postgres", "-D", t.server.Data, "-c", "config_file="+file, "-C", "max_connections").CombinedOutput() // what it says counts
	return dislikes(said), ctx.Err()
}

var dislike = regexp.MustCompile(`(?m)(?:LOG|FATAL|ERROR|WARNING): +((?:invalid value for parameter|parameter|unrecognized configuration parameter|-?[0-9].* is outside the valid range for parameter|syntax error)[^"\n]*(?:"([^"]*)")?.*)$`)

// dislikes reads what the server says of a configuration file.
func dislikes(said []byte) (out []checks.Object) {
	for _, m := range dislike.FindAllSubmatch(said, -1) {
		out = append(out, checks.Object{Name: string(m[2]), Detail: string(m[1])})
	}
	return out
}

// start starts the server with the libraries that the source preloads, without those that are not there.
func (t Trial) start(ctx context.Context) ([]checks.Finding, error) {
	var missing []checks.Object
	libraries := splitList(t.Inventory.Settings["shared_preload_libraries"])
	for {
		err := t.server.Spawn(ctx, map[string]string{
			"listen_addresses": "", "fsync": "off", "shared_buffers": "32MB", "max_wal_senders": "0", "wal_level": "minimal", "max_locks_per_transaction": "1024",
			"shared_preload_libraries": strings.Join(libraries, ","),
		})
		if err == nil {
			return found("preload-libraries", "", missing), nil
		}
		lacking := slices.IndexFunc(libraries, func(name string) bool { return absent(err.Error(), name) })
		if lacking < 0 {
			return nil, fmt.Errorf("start a throw-away server: %w", err)
		}
		missing = append(missing, checks.Object{Name: libraries[lacking], Detail: lastSaid(err.Error())})
		libraries = slices.Delete(libraries, lacking, lacking+1)
	}
}

// absent says whether a server that did not start blames this library.
func absent(said, library string) bool {
	return strings.Contains(said, `could not access file "`+library+`"`) || strings.Contains(said, `could not load library`) && strings.Contains(said, library)
}

func lastSaid(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, l := range slices.Backward(lines) {
		if _, message, ok := strings.Cut(l, "FATAL:"); ok {
			return strings.TrimSpace(message)
		}
	}
	return lines[len(lines)-1]
}

func splitList(list string) (out []string) {
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.Trim(part, ` "'`); part != "" {
			out = append(out, part)
		}
	}
	return out
}
