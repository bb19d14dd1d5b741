package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/gate"
	"github.com/lullhq/lull/internal/proc"
	"github.com/lullhq/lull/internal/roles"
	"github.com/lullhq/lull/internal/security"
)

// RoleReport is the answer of lull roles list.
type RoleReport struct {
	Cluster string          `json:"cluster"`
	Looked  string          `json:"looked_at"` // whose logins, in words
	Roles   []security.Role `json:"roles"`
}

// Roles tells how the passwords of a cluster are kept, and who still logs in by MD5. cluster "" = the only one there is.
func (a *App) Roles(ctx context.Context, name string) (RoleReport, error) {
	c, err := a.cluster(name)
	if err != nil {
		return RoleReport{}, err
	}
	servers, err := runningServers(ctx, c)
	if err != nil {
		return RoleReport{}, err
	}
	r := RoleReport{Cluster: c.ID, Roles: []security.Role{}}
	for i, e := range servers { // clients are on one of the two
		list, said, err := security.RoleList(ctx, e)
		if err != nil {
			return r, err
		}
		if i == 0 {
			r.Roles, r.Looked = list, said
			continue
		}
		r.Looked += "; on the other server " + said
		for _, role := range list {
			r.merge(role)
		}
	}
	return r, nil
}

func (r *RoleReport) merge(role security.Role) {
	at := slices.IndexFunc(r.Roles, func(x security.Role) bool { return x.Name == role.Name })
	if at < 0 {
		r.Roles = append(r.Roles, role)
		return
	}
	r.Roles[at].MD5 = append(r.Roles[at].MD5, role.MD5...)
}

// RotateOptions say which password, and where it goes. Somewhere it has to go.
type RotateOptions struct {
	Cluster  string
	Password config.Secret // empty = a new random one
	Out      string        // a new file in the form of libpq's password file, "" = none
	Print    func(role string, password config.Secret) error
}

// Rotate gives roles new passwords, one after the other.
func (a *App) Rotate(ctx context.Context, names []string, o RotateOptions, tell func(roles.Rotated)) error {
	c, err := a.cluster(o.Cluster)
	if err != nil {
		return err
	}
	if o.Password.Empty() && o.Out == "" && o.Print == nil && len(c.SecretHook) == 0 {
		return hint.Errorf("lull roles rotate NAME --out FILE, or --print, or secret_hook of the cluster in lull.yaml", "nobody would have the new passwords: say where they go")
	}
	r, err := a.rotation(ctx, c)
	if err != nil {
		return err
	}
	if err := a.notOurs(c, names, o.Password); err != nil {
		return err
	}
	var out *os.File
	if o.Out != "" {
		if out, err = newSecretFile(o.Out); err != nil {
			return err
		}
		defer out.Close()
	}
	r.Hand = func(ctx context.Context, s roles.Secret) error {
		return hand(ctx, c.SecretHook, filepath.Dir(a.Config.File), out, o.Print, s)
	}
	for _, name := range names {
		password := o.Password.Reveal()
		if password == "" {
			password = rand.Text()
		}
		done, err := r.Do(ctx, name, password)
		if err != nil {
			return err
		}
		tell(done)
	}
	return nil
}

func (a *App) cluster(name string) (config.Cluster, error) {
	known := slices.Sorted(maps.Keys(a.Config.Clusters))
	if name == "" && len(known) == 1 {
		name = known[0]
	}
	c, ok := a.Config.Clusters[name]
	switch {
	case ok:
		return c, nil
	case name == "":
		return c, hint.Errorf("add --cluster NAME: "+strings.Join(known, ", "), "there are %d clusters in %s", len(known), a.Config.File)
	}
	return c, hint.Errorf("clusters: "+strings.Join(known, ", "), "there is no cluster %q in %s", name, a.Config.File)
}

func (a *App) rotation(ctx context.Context, c config.Cluster) (r roles.Rotation, err error) {
	if r.Servers, err = runningServers(ctx, c); err != nil {
		return r, err
	}
	for _, name := range c.Poolers {
		p, err := a.pooler(a.Config.Poolers[name], a.Config.Store.WorkDir)
		if err != nil {
			return r, err
		}
		if p.Kind == gate.HookGate && len(c.SecretHook) == 0 {
			return r, hint.Errorf("write secret_hook into the cluster: it is given each new password", "pooler %s is held by commands, and Lull does not know where it keeps passwords", name)
		}
		r.Poolers = append(r.Poolers, p)
	}
	return r, nil
}

// runningServers are those of the source and the target that run. One that does not answer, but may well
// run, is an error: clients may be on it.
func runningServers(ctx context.Context, c config.Cluster) (out []cluster.Endpoint, err error) {
	source, err := endpoint(c.Source)
	if err != nil {
		return nil, err
	}
	for _, e := range []cluster.Endpoint{source, source.At(c.Target.Host, c.Target.Port)} {
		conn, err := e.Connect(ctx, "")
		if errors.Is(err, syscall.ECONNREFUSED) {
			continue // nothing listens there
		}
		if err != nil {
			return nil, hint.Wrap(err, "roles are to be alike on both servers of a cluster: see that Lull can log in at each that runs")
		}
		_ = conn.Close(context.WithoutCancel(ctx))
		out = append(out, e)
	}
	if len(out) == 0 {
		return nil, hint.Errorf("check clusters."+c.ID+" in lull.yaml", "no server of cluster %s runs", c.ID)
	}
	return out, nil
}

// notOurs refuses the roles that Lull itself logs in as, unless the password stays the same: it would lock itself out.
func (a *App) notOurs(c config.Cluster, names []string, password config.Secret) error {
	source, err := endpoint(c.Source)
	if err != nil {
		return err
	}
	ours := []config.DSN{c.Source}
	for _, p := range c.Poolers {
		if x := a.Config.Poolers[p]; x.Gate == config.GatePgBouncer {
			ours = append(ours, x.Admin)
		}
	}
	for _, dsn := range ours {
		conninfo, secret, err := dsn.Split()
		if err != nil {
			return err
		}
		cfg, err := pgx.ParseConfig(conninfo)
		if err != nil {
			return fmt.Errorf("read the address of the server: %w", err)
		}
		if slices.Contains(names, cfg.User) && (password.Empty() || password.Reveal() != secret.Reveal()) {
			return hint.Errorf("give it the password that lull.yaml has, to have it kept as SCRAM: --password-file FILE; or set a new one by \\password in psql and write it into lull.yaml",
				"lull itself logs in as %s, and would lock itself out of %s", cfg.User, source)
		}
	}
	return nil
}

// newSecretFile makes a file that only its owner can read. One that is there is not written over.
func newSecretFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("make the file for new passwords: %w", err), "name a file that is not there yet")
	}
	return f, nil
}

// hookWithin is how long a secret hook may take.
const hookWithin = time.Minute

// hand gives the password to wherever it was asked to go.
func hand(ctx context.Context, hook []string, dir string, out *os.File, print func(string, config.Secret) error, s roles.Secret) error {
	if out != nil {
		esc := strings.NewReplacer(`\`, `\\`, `:`, `\:`)
		if _, err := fmt.Fprintf(out, "*:*:*:%s:%s\n", esc.Replace(s.Role), esc.Replace(s.Password)); err != nil {
			return err
		}
		if err := out.Sync(); err != nil {
			return err
		}
	}
	if print != nil {
		if err := print(s.Role, config.NewSecret(s.Password)); err != nil {
			return err
		}
	}
	if len(hook) == 0 {
		return nil
	}
	told, err := json.Marshal(map[string]string{"role": s.Role, "password": s.Password, "verifier": s.Verifier})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, hookWithin)
	defer cancel()
	_, err = proc.Run(ctx, proc.Cmd{Name: "secret_hook", Args: hook, Dir: dir, Stdin: append(told, '\n')})
	var ended *proc.Error
	if errors.As(err, &ended) { // what it said is left out, for the password may be in it
		return hint.Wrap(fmt.Errorf("secret_hook: %w", ended.Err), "run "+hook[0]+" by hand with a made-up password and see what it says")
	}
	return err
}
