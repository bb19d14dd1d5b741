package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/lullhq/lull/internal/hint"
)

// ask puts a plan's question to whoever sits at the terminal. Nobody there is an error: silence is no yes.
func ask(ctx context.Context, question string) (bool, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return false, hint.Errorf("type the same command on a terminal", "the plan asks a person here: %s", question)
	}
	answer := make(chan string, 1)
	go func() {
		fmt.Fprintf(os.Stderr, "%s\nType yes to go on: ", question)
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n') // no line is no yes
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case a := <-answer:
		return a == "yes", nil
	}
}
