package store

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The file goes with each holder, and one who waits may have opened the one that went.
func TestLockHasOneHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.lock")
	var holders atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for taken := 0; taken < 50; {
				l, err := tryLock(path)
				if err != nil {
					continue
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d holders", n)
				}
				_ = holder(path) // long enough for another to come in
				holders.Add(-1)
				l.unlock()
				taken++
			}
		})
	}
	wg.Wait()
}

// A program that the killed holder was starting has the lock for a moment longer.
func TestLockOutlivesItsHolderForAMoment(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.lock")
	first, err := tryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, first.unlock)
	second, err := patientLock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := patientLock(t.Context(), path); !errors.Is(err, errLocked) {
		t.Errorf("got %v", err)
	}
	second.unlock()
}
