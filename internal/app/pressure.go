package app

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// pressure is for how long anything on this machine has waited for the disk or a processor, since it was
// started. Source: Documentation/accounting/psi.rst of Linux, the totals of the lines "some".
type pressure struct {
	disk, processor time.Duration
	known           bool // a kernel may keep no such account
}

func readPressure() (p pressure) {
	disk, hasDisk := someTotal("/proc/pressure/io")
	processor, hasProcessor := someTotal("/proc/pressure/cpu")
	return pressure{disk: disk, processor: processor, known: hasDisk && hasProcessor}
}

func someTotal(file string) (time.Duration, bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	return parsePressure(string(b))
}

// parsePressure reads "some avg10=0.00 avg60=0.00 avg300=0.00 total=123", the total in microseconds.
func parsePressure(text string) (time.Duration, bool) {
	for line := range strings.Lines(text) {
		_, total, ok := strings.Cut(strings.TrimSpace(line), " total=")
		if !ok || !strings.HasPrefix(line, "some ") {
			continue
		}
		us, err := strconv.ParseInt(total, 10, 64)
		return time.Duration(us) * time.Microsecond, err == nil
	}
	return 0, false
}
