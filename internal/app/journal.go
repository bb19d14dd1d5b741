//go:build !chaos

package app

import (
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/store"
)

// journal is where runs write. The tests that break things build lull with another one.
func journal(s *store.Store) run.Journal { return s }
