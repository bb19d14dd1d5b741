package preview

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/lullhq/lull/internal/hint"
)

//go:embed jekyll.rb
var jekyllScript []byte

// jekyll is one Jekyll that stays: most of a build of a small site is Ruby that is loaded.
type jekyll struct {
	*side
	path string

	cmd   *exec.Cmd
	ask   *os.File
	reply *bufio.Reader
	from  *os.File
	said  *lastWords
}

// order is what it is asked for, reply what it answers.
type order struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	URL         string `json:"url"`
	Theme       string `json:"theme,omitempty"`
}

type reply struct {
	Error string `json:"error"`
}

func (j *jekyll) build(ctx context.Context) error {
	if j.cmd == nil {
		if err := j.start(); err != nil {
			return hint.Or(fmt.Errorf("start Jekyll: %w", err), "try it by hand in "+j.site.Dir)
		}
	}
	stop := context.AfterFunc(ctx, j.kill) // it ends what reads below
	defer stop()
	out, err := j.order()
	switch {
	case err != nil:
		j.close()
		said := j.said.String()
		return hint.Or(errors.Join(context.Cause(ctx), fmt.Errorf("jekyll ended: %s", said)), "try it by hand in "+j.site.Dir)
	case out.Error != "":
		return errors.New(out.Error)
	}
	return nil
}

func (j *jekyll) order() (out reply, err error) {
	line, err := json.Marshal(order{Source: j.source, Destination: j.out, URL: strings.TrimSuffix(j.address, "/"), Theme: j.theme})
	if err != nil {
		return out, err
	}
	if _, err := j.ask.Write(append(line, '\n')); err != nil {
		return out, err
	}
	answer, err := j.reply.ReadBytes('\n')
	if err != nil {
		return out, err
	}
	err = json.Unmarshal(answer, &out)
	return out, err
}

// start runs `jekyll --version` with a script that keeps it from ending: then it is loaded with all its plugins, by
// whatever Ruby and Bundler the site is built with.
func (j *jekyll) start() error {
	script := filepath.Join(filepath.Dir(j.source), "."+j.site.Name+".rb")
	if err := os.WriteFile(script, jekyllScript, 0o600); err != nil {
		return err
	}
	argv := []string{"jekyll", "--version"}
	if _, err := os.Stat(filepath.Join(j.source, "Gemfile")); err == nil {
		argv = append([]string{"bundle", "exec"}, argv...)
	}
	argv = j.resolvedIn(j.path, argv)
	in, ask, err := os.Pipe()
	if err != nil {
		return err
	}
	from, answer, err := os.Pipe()
	if err != nil {
		return errors.Join(err, in.Close(), ask.Close())
	}
	j.said = &lastWords{}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = j.source, append(j.environment(j.path), "RUBYOPT=-r"+script, "JEKYLL_ENV=development")
	cmd.ExtraFiles = []*os.File{in, answer}
	cmd.Stdout, cmd.Stderr = io.Discard, j.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	err = errors.Join(err, in.Close(), answer.Close())
	if err != nil {
		return errors.Join(err, ask.Close(), from.Close())
	}
	j.cmd, j.ask, j.from, j.reply = cmd, ask, from, bufio.NewReader(from)
	return nil
}

func (j *jekyll) kill() {
	if j.cmd != nil && j.cmd.Process != nil {
		_ = syscall.Kill(-j.cmd.Process.Pid, syscall.SIGKILL) // and all that it has started
	}
}

func (j *jekyll) close() {
	if j.cmd == nil {
		return
	}
	_ = j.ask.Close() // it ends by itself when nobody can ask any more
	j.kill()
	_ = j.cmd.Wait()
	_ = j.from.Close()
	j.cmd = nil
}

// lastWords keeps the end of what a program said.
type lastWords struct {
	mu  sync.Mutex
	buf []byte
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, p...)
	if over := len(l.buf) - 4000; over > 0 {
		l.buf = l.buf[over:]
	}
	return len(p), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.ToValidUTF8(strings.TrimSpace(string(l.buf)), "")
}
