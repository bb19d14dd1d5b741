// Command lull-chaos breaks things in real maintenances and looks what became of them. The
// Makefile's chaos target runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/chaos"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

const figures = ".bench/chaos.json"

func run(ctx context.Context, env func(string) string) error {
	o, err := options(env)
	if err != nil {
		return err
	}
	fmt.Printf("seed %d; what fails is kept in %s\n", o.Seed, o.Dir)
	r, err := chaos.Run(ctx, o)
	if len(r.Rows) > 0 {
		err = errors.Join(err, r.Write(figures))
		fmt.Println(r)
	}
	if err == nil && !r.Sound() {
		err = fmt.Errorf("%d of %d faults were not survived, and %d commits are lost", r.Faults-r.Survived, r.Faults, r.Lost)
	}
	return err
}

// options are those of the environment: SEED, ONLY, CASES, PARALLEL, MOMENTS and CARRY_ON.
func options(env func(string) string) (chaos.Options, error) {
	o := chaos.Options{Seed: uint64(time.Now().UnixNano()) % 1e6, Parallel: 2, Moments: 100, Dir: ".bench/chaos", Out: os.Stdout}
	if text := env("SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return o, fmt.Errorf("SEED is %q, not a number", text)
		}
		o.Seed = seed
	}
	for name, into := range map[string]*int{"CASES": &o.Cases, "PARALLEL": &o.Parallel, "MOMENTS": &o.Moments} {
		if text := env(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return o, fmt.Errorf("%s is %q, not a number of them", name, text)
			}
			*into = n
		}
	}
	if env("CARRY_ON") != "" {
		earlier, err := chaos.ReadReport(figures)
		if err != nil {
			return o, err
		}
		if len(earlier.Rows) == 0 {
			return o, fmt.Errorf("there is no earlier run to carry on with in %s", figures)
		}
		if env("SEED") != "" && earlier.Seed != o.Seed {
			return o, fmt.Errorf("the earlier run had SEED=%d: leave SEED out, or say the same", earlier.Seed)
		}
		o.Seed, o.Done = earlier.Seed, earlier.Rows
	}
	o.Only = strings.FieldsFunc(env("ONLY"), func(r rune) bool { return r == ',' })
	return o, nil
}
