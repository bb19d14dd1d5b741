package store_test

import (
	"testing"

	"github.com/lullhq/lull/internal/notify/notifytest"
)

func testDeliveries(t *testing.T, h home) {
	notifytest.Run(t, func(t *testing.T) notifytest.Subject { return h.openNew(t) })
}

func testFaultsOfDeliveries(t *testing.T, h home) {
	notifytest.Faults(t, func(t *testing.T) notifytest.Subject { return h.openNew(t) })
}
