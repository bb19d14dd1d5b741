package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processor is the time that this process has used, and all sessions of the two servers
// that have ended. The sessions of a comparison end with it.
func (p *pair) processor() (time.Duration, error) {
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return 0, fmt.Errorf("read the time of the processor: %w", err)
	}
	sum := time.Duration(own.Utime.Nano() + own.Stime.Nano())
	for _, data := range []string{p.ground.Source.Data, p.ground.Target.Data} {
		d, err := endedSessions(data)
		if err != nil {
			return 0, fmt.Errorf("read the time of the processor: %w", err)
		}
		sum += d
	}
	return sum, nil
}

// endedSessions asks the system for the time of a server's ended children (proc(5), cutime and cstime).
func endedSessions(data string) (time.Duration, error) {
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	pid, _, _ := strings.Cut(string(b), "\n")
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return 0, err
	}
	return childTime(string(stat))
}

// childTime reads fields 16 and 17 of a process' stat, which are in hundredths of a second.
// The second field is a name in parentheses and may hold anything.
func childTime(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	const cutime, cstime = 16 - 3, 17 - 3
	if len(fields) <= cstime {
		return 0, fmt.Errorf("not the line of a process: %q", stat)
	}
	user, errUser := strconv.ParseInt(fields[cutime], 10, 64)
	system, errSystem := strconv.ParseInt(fields[cstime], 10, 64)
	if errUser != nil || errSystem != nil {
		return 0, fmt.Errorf("not the line of a process: %q", stat)
	}
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}
