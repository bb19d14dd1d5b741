package pgserver

import "syscall"

// tether ends the program when this process dies, even of kill -9: a base backup that
// goes on by itself would write into the folder of the next try.
func tether(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// tetherServer lets a server end by itself when this process dies: SIGQUIT is the immediate
// shutdown of both PostgreSQL and PgBouncer.
func tetherServer(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }

const tethers = true
