// Command lull runs a scheduled maintenance of a web product from first notice to post-mortem.
package main

import (
	"os"

	"github.com/lullhq/lull/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
