// Package cli is what a person types and what is printed for it: flags to the app,
// answers and errors to the terminal. It must not know how anything is done.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/app"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1
	exitStopped = 130 // by Ctrl-C, as shells have it
)

// Main runs one command and returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends what does not heed the first
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	printError(stderr, err)
	if ctx.Err() != nil {
		return exitStopped
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	g := &global{}
	root := group(&cobra.Command{
		Use:   "lull",
		Short: "Run a scheduled maintenance, from first notice to post-mortem",
		Long: `Lull runs a scheduled maintenance of a web product, and upgrades PostgreSQL
across several major versions while the product stays up.`,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	})
	root.Version = version()
	root.SetVersionTemplate("lull {{.Version}}\n")
	root.PersistentFlags().StringVarP(&g.config, "config", "c", "lull.yaml", "the file that says what there is")
	root.PersistentFlags().BoolVar(&g.json, "json", false, "print facts as JSON")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return hint.Wrap(err, c.CommandPath()+" --help") })
	root.AddCommand(newCheck(g), newSchedule(g), newRehearse(g), newRun(g), newStatus(g), newWatch(g), newAbort(g), newRollback(g), newFinish(g), newReport(g), newServe(g), newSnapshot(g), newSites(g), newIncident(g), newComponent(g), newChange(g), newNotices(g), newDeliveries(g), newSubscribers(g), newToken(g), newRoles(g), newProbes(g), newLedger(g), newDemo(), newWatchdog())
	return root
}

// version is what the program was built from: a release, or the commit with its date, and by which Go.
func version() string {
	built := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		built = info.Main.Version
	}
	return fmt.Sprintf("%s, %s, %s/%s", built, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// global are the flags that every command has.
type global struct {
	config string
	json   bool
}

// open gives the app for a command.
func (g *global) open(ctx context.Context) (*app.App, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find lull's own program: %w", err)
	}
	a, err := app.Open(ctx, g.config, self)
	var missing *fs.PathError
	if errors.As(err, &missing) && missing.Path == g.config && errors.Is(err, fs.ErrNotExist) {
		err = hint.Wrap(err, "write a lull.yaml here, or name one with --config FILE")
	}
	return a, err
}

// with opens the app, does one thing and closes it.
func (g *global) with(ctx context.Context, do func(*app.App) error) (err error) {
	a, err := g.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return do(a)
}

// printError says what is wrong, one thing a line, and what to type next.
func printError(w io.Writer, err error) {
	text := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "\n       ")
	fmt.Fprintf(w, "error: %s\n", text)
	if next := nextStep(err); next != "" {
		fmt.Fprintf(w, "next:  %s\n", next)
	}
}

func nextStep(err error) string {
	var problems config.Errors
	if next := hint.Of(err); next != "" || !errors.As(err, &problems) {
		return next
	}
	return "correct " + problems[0].File + ", then type the same command again"
}
