package store_test

import (
	"testing"

	"github.com/lullhq/lull/internal/inapp/inapptest"
)

func testPeople(t *testing.T, h home) {
	inapptest.Run(t, func(t *testing.T) inapptest.Subject { return h.openNew(t) })
}
