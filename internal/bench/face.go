package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/pgserver"
)

// face is a public face with something on it, made with Lull's own commands, and the server that serves it.
type face struct {
	self, dir string
	url       string
	server    *child
}

const faceConfig = `organization: Example
server: {listen: "127.0.0.1:%d"}
components:
  app: {name: App, description: Where people work, group: Product}
  api: {name: API, description: For other programs, group: Product}
  search: {name: Search, group: Product}
  sites: {name: Web sites, group: Public}
  docs: {name: Documentation, group: Public}
`

const facePlan = `maintenance: %s
title: Database upgrade
summary: We move our database to the next version. Your sites stay up; the app pauses for less than a second.
window: {start: "%s 17:00", zone: Pacific/Auckland, allow: 2h}
components: {app: under_maintenance, api: degraded_performance}
steps:
  - wait: 1m
`

// layFace writes lull.yaml and says some things: two maintenances are ahead, and three incidents are over.
func layFace(ctx context.Context, self, dir string) (*face, error) {
	ports, err := pgserver.FreePorts(1)
	if err != nil {
		return nil, err
	}
	f := &face{self: self, dir: dir, url: "http://127.0.0.1:" + strconv.Itoa(ports[0])}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return nil, fmt.Errorf("make the folder of the page: %w", err)
	}
	if err := f.write("lull.yaml", fmt.Sprintf(faceConfig, ports[0])); err != nil {
		return nil, err
	}
	for i, name := range []string{"main-database", "search-database"} {
		day := time.Now().AddDate(0, 0, 7*(i+1)).Format(time.DateOnly)
		if err := f.write(name+".yaml", fmt.Sprintf(facePlan, name, day)); err != nil {
			return nil, err
		}
		if err := f.lull(ctx, "schedule", filepath.Join(dir, name+".yaml")); err != nil {
			return nil, err
		}
	}
	err = f.incidents(ctx)
	return f, err
}

func (f *face) incidents(ctx context.Context) error {
	for i, title := range []string{"Search answers slowly", "Sign-in fails for some", "Exports are late"} {
		name := "incident-" + strconv.Itoa(i+1)
		for _, args := range [][]string{
			{"open", name, "--title", title, "--text", "We are looking into it.", "--component", "app=partial_outage"},
			{"update", name, "--status", "identified", "--text", "One server is out of memory. It is being taken out."},
			{"resolve", name, "--text", "All servers answer as they should. Thank you for your patience."},
		} {
			if err := f.lull(ctx, append([]string{"incident"}, args...)...); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *face) write(name, text string) error {
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// add writes more at the end of a file.
func (f *face) add(name, text string) error {
	was, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return f.write(name, string(was)+text)
}

func (f *face) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, f.self, append([]string{"--config", filepath.Join(f.dir, "lull.yaml")}, args...)...)
}

func (f *face) lull(ctx context.Context, args ...string) error {
	if out, err := f.command(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("lull %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// serve starts lull serve.
func (f *face) serve(ctx context.Context) (err error) {
	f.server, err = start(f.command(ctx, "serve"), f.url+"/readyz")
	return err
}

// child is a server that runs until it is told to end.
type child struct {
	cmd  *exec.Cmd
	said *os.File
}

const (
	startDeadline = 20 * time.Second // until a server answers
	stopDeadline  = 20 * time.Second // until it has ended
)

// start runs a server until it answers at that address.
func start(cmd *exec.Cmd, url string) (*child, error) {
	said, err := os.CreateTemp("", "lull-bench-")
	if err != nil {
		return nil, fmt.Errorf("keep what %s says: %w", filepath.Base(cmd.Path), err)
	}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = said, said, stopDeadline
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	c := &child{cmd: cmd, said: said}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err), c.forget())
	}
	client := &http.Client{Timeout: time.Second}
	for end := time.Now().Add(startDeadline); ; time.Sleep(20 * time.Millisecond) {
		resp, err := client.Get(url)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return c, nil
			}
		}
		if time.Now().After(end) {
			words, _ := os.ReadFile(said.Name()) // what cannot be read is not said
			return nil, errors.Join(fmt.Errorf("%s does not answer at %s: %s", filepath.Base(cmd.Path), url, words), c.stop())
		}
	}
}

// stop ends the server. That it was told to end is no error.
func (c *child) stop() error {
	if c == nil {
		return nil
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // gone already is as good
	var exit *exec.ExitError
	err := c.cmd.Wait()
	if errors.As(err, &exit) {
		err = nil
	}
	return errors.Join(err, c.forget())
}

func (c *child) forget() error { return errors.Join(c.said.Close(), os.Remove(c.said.Name())) }

// fetch gets what is at an address as a browser does that takes gzip, as it goes over the wire.
func fetch(ctx context.Context, url string) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept-Encoding", "gzip") // set here, the client leaves the bytes as they are
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("fetch %s: %w", url, err)
	}
	b, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, nil, fmt.Errorf("fetch %s: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("fetch %s: it answers %s", url, resp.Status)
	}
	return b, resp.Header, nil
}
