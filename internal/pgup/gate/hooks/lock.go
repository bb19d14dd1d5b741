package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/hint"
)

// lock is a file that is locked while commands that change something are at work. They
// have it open too, so it stays locked when Lull is killed and one of them lives on: it
// must not hold the clients after they were found free and let go.
type lock struct {
	file *os.File
	now  int // process group of the command at work
}

// lock takes the lock. A command that an earlier holder left behind is killed.
func (g *Gate) lock(ctx context.Context) (*lock, error) {
	if err := os.MkdirAll(filepath.Dir(g.hooks.Lock), 0o700); err != nil {
		return nil, fmt.Errorf("lock pooler %s: %w", g.name, err)
	}
	f, err := os.OpenFile(g.hooks.Lock, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock pooler %s: %w", g.name, err)
	}
	l := &lock{file: f}
	if err := l.take(ctx, g.longest()); err != nil {
		f.Close()
		return nil, hint.Wrap(fmt.Errorf("lock pooler %s: %w", g.name, err), "see which of its commands still runs, and end it")
	}
	return l, nil
}

func (l *lock) take(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	for {
		err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return l.forget()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if group := l.group(); group > 1 {
			_ = syscall.Kill(-group, syscall.SIGKILL) // gone meanwhile is as good
		}
		select {
		case <-ctx.Done():
			return errors.New("a command of an earlier run is still at work")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// number is what the file is in a command: one that scripts do not use themselves.
const number = 19

func (l *lock) files() []*os.File {
	const first = 3 // after the standard ones
	out := make([]*os.File, number-first+1)
	out[number-first] = l.file
	return out
}

// began writes down which processes have the lock's file open, for whoever finds it locked.
func (l *lock) began(group int) error {
	l.now = group
	_, err := l.file.WriteAt([]byte(strconv.Itoa(group)+"\n"), 0)
	return err
}

// ended ends what a command left running behind it: it would keep the lock.
func (l *lock) ended() error {
	if l.now > 1 {
		_ = syscall.Kill(-l.now, syscall.SIGKILL) // mostly there is nothing
	}
	l.now = 0
	return l.forget()
}

func (l *lock) forget() error { return l.file.Truncate(0) }

// group is the process group of the command that has the lock, or 0.
func (l *lock) group() int {
	const longest = 32
	b, err := io.ReadAll(io.NewSectionReader(l.file, 0, longest))
	if err != nil {
		return 0
	}
	line, _, whole := strings.Cut(string(b), "\n")
	group, err := strconv.Atoi(line)
	if err != nil || !whole {
		return 0
	}
	return group
}

func (l *lock) release() { l.file.Close() }
