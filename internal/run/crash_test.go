package run_test

import (
	"testing"

	"github.com/lullhq/lull/internal/run/runtest"
)

func filesInMemory(t *testing.T) runtest.Case {
	j := &runtest.Journal{}
	return runtest.FilesCase("m", t.TempDir(), j, j)
}

func TestCrashes(t *testing.T) {
	t.Parallel()
	runtest.Crashes(t, filesInMemory)
}

func TestCrashesOfAborts(t *testing.T) {
	t.Parallel()
	runtest.Aborts(t, filesInMemory)
}

func TestJournalInMemory(t *testing.T) {
	t.Parallel()
	runtest.Conform(t, func(*testing.T) runtest.Subject {
		j := &runtest.Journal{}
		return runtest.Subject{Journal: j, Log: j, Other: j, Break: j.Break}
	})
}
