package pgup

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// gaps are how long to wait for a server that went away: long enough for one that is restarted
// or recovers, about a minute in all.
var gaps = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 30 * time.Second}

// Patience says how long to wait before a step is tried again that ended because a connection
// was lost or a server was being restarted; 0 for everything else, and when that took too long.
func Patience(err error, try int) time.Duration {
	if !passing(err) || try > len(gaps) {
		return 0
	}
	return gaps[try-1]
}

// passing says that err may be gone in a moment: the network or the server's processes ended
// it, and not what was asked. The codes are PostgreSQL's (Appendix A): class 08, and
// admin_shutdown, crash_shutdown and cannot_connect_now of class 57.
func passing(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return strings.HasPrefix(refused.Code, "08") || refused.Code == "57P01" || refused.Code == "57P02" || refused.Code == "57P03"
	}
	for _, lost := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.EPIPE, net.ErrClosed, os.ErrDeadlineExceeded} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}
