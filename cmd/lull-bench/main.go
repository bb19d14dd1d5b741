// Command lull-bench measures Lull beside its peers. The Makefile's bench-NAME targets run it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/lullhq/lull/internal/bench"
	"github.com/lullhq/lull/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 || args[0] != "switch" && args[0] != "compare" {
		return fmt.Errorf("usage: lull-bench switch | compare")
	}
	o, err := demo.FromEnviron(os.Getenv)
	if err != nil {
		return err
	}
	runs := 5
	if text := os.Getenv("RUNS"); text != "" {
		if runs, err = strconv.Atoi(text); err != nil || runs < 1 {
			return fmt.Errorf("RUNS is %q, not a number of runs", text)
		}
	}
	if o.Self, err = filepath.Abs("bin/lull"); err != nil {
		return err
	}
	o.Dir, o.Keep, o.Out = ".bench/"+args[0], false, os.Stdout
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	if args[0] == "compare" {
		return bench.Compare(ctx, bench.CompareOptions{Runs: runs, Demo: o, Out: os.Stdout, Figures: ".bench/compare.json"})
	}
	return bench.Switch(ctx, bench.SwitchOptions{Runs: runs, Demo: o, Out: os.Stdout, Figures: ".bench/switch.json"})
}
