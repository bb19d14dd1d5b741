package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lock is a file that the operating system keeps locked for as long as its
// process lives: a holder that is killed gives it up at that instant. Go opens
// files close-on-exec, so programs that the holder starts do not inherit it.
type lock struct{ f *os.File }

// errLocked says that a live process holds the lock.
var errLocked = errors.New("locked by another process")

// lockPoll is how often a waiter tries again; flock(2) cannot wait with a deadline.
const lockPoll = 5 * time.Millisecond

// tryLock takes the lock or says at once that it is held.
func tryLock(path string) (*lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			_ = f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, errLocked
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if sameFile(f, path) {
			return &lock{f: f}, sign(f)
		}
		_ = f.Close() // its holder removed it between our open and our lock
	}
}

// forkGrace is how long a lock may outlive its holder: a child that was being started when
// the holder was killed has the holder's files until it becomes another program.
const forkGrace = time.Second

// patientLock is tryLock for whoever comes right after a holder that was killed.
func patientLock(ctx context.Context, path string) (*lock, error) {
	limited, cancel := context.WithTimeout(ctx, forkGrace)
	defer cancel()
	l, err := waitLock(limited, path)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, errLocked
	}
	return l, err
}

// waitLock takes the lock as soon as it is free, or gives ctx's error.
func waitLock(ctx context.Context, path string) (*lock, error) {
	for {
		l, err := tryLock(path)
		if !errors.Is(err, errLocked) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for pid %s, which has %s locked: %w", holder(path), path, ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}

// unlock removes the file while it is locked, so that nothing is left lying about.
func (l *lock) unlock() {
	if sameFile(l.f, l.f.Name()) {
		_ = os.Remove(l.f.Name())
	}
	_ = l.f.Close()
}

// sameFile says that the file was not removed or replaced behind the holder's back.
func sameFile(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder is the pid in the file, for messages only: it decides nothing.
func holder(path string) string {
	b, err := os.ReadFile(path)
	if pid := strings.TrimSpace(string(b)); err == nil && pid != "" {
		return pid
	}
	return "unknown"
}
