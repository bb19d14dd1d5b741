//go:build chaosclock

package app

import (
	"os"
	"strconv"
	"strings"
	"time"
	_ "unsafe" // for the clock
)

// clockVariable names a file that holds by how many seconds the clock has jumped. Every
// process of lull reads it, as all of them read the one clock of a machine.
const clockVariable = "LULL_CHAOS_CLOCK"

// jump is a variable of a time package that was changed for these tests.
//
//go:linkname jump time.lullJump
var jump int64

func init() {
	file := os.Getenv(clockVariable)
	if file == "" {
		return
	}
	look := func() {
		b, err := os.ReadFile(file)
		if err != nil {
			return // no jump yet
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil {
			jump = n
		}
	}
	look()
	go func() {
		for range time.Tick(2 * time.Millisecond) {
			look()
		}
	}()
}
