package cli

import (
	"github.com/spf13/cobra"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
)

const anAddress = `--dsn "host=127.0.0.1 port=6432 user=app dbname=app"`

// dsnFlag is an address whose password stays off the command line, which everybody on the machine can read.
type dsnFlag struct {
	dsn, passwordFile string
}

func (d *dsnFlag) flags(c *cobra.Command) {
	c.Flags().StringVar(&d.dsn, "dsn", "", `the address: "host=... port=... user=... dbname=..."`)
	c.Flags().StringVar(&d.passwordFile, "password-file", "", "a file with the password as its one line (or set PGPASSWORD)")
}

func (d *dsnFlag) value() (string, error) {
	if d.dsn == "" {
		return "", hint.Errorf("add "+anAddress, "no address is given")
	}
	parsed, err := config.ParseDSN(d.dsn, d.passwordFile)
	if err != nil {
		return "", hint.Wrap(err, "write it as "+anAddress)
	}
	if parsed.HasPassword() {
		return "", hint.Errorf("put it into a file and add --password-file FILE, or set PGPASSWORD", "the address holds a password, and everybody on this machine can read a command line")
	}
	conninfo, err := parsed.Conninfo()
	return conninfo.Reveal(), err
}
