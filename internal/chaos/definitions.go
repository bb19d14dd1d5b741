package chaos

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"time"
)

// invalidateSlots has the source throw away WAL that the slots need, as it does when the
// target does not follow and its operator has set a limit.
func invalidateSlots(ctx context.Context, t *trial) (func(context.Context) error, error) {
	w := t.w
	source := w.at(w.source.Port, "postgres")
	heal := func(ctx context.Context) error {
		return execute(ctx, source, "ALTER SYSTEM RESET max_slot_wal_keep_size", "SELECT pg_reload_conf()")
	}
	if err := execute(ctx, source, "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'", "SELECT pg_reload_conf()"); err != nil {
		return heal, err
	}
	pids, err := column(ctx, source, senders)
	if err != nil {
		return heal, err
	}
	signal(pids, syscall.SIGSTOP) // one that is stopped does not follow
	defer signal(pids, syscall.SIGCONT)
	for range 8 {
		if err := execute(ctx, source, "SELECT pg_logical_emit_message(false, 'chaos', repeat('x', 200000))", "SELECT pg_switch_wal()"); err != nil {
			return heal, err
		}
	}
	checkpoint := make(chan error, 1) // it waits for the walsender that it ends
	go func() { checkpoint <- execute(ctx, source, "CHECKPOINT") }()
	sleep(ctx, 300*time.Millisecond)
	signal(pids, syscall.SIGCONT)
	if err := <-checkpoint; err != nil {
		return heal, err
	}
	lost, err := column(ctx, source, "SELECT slot_name::text FROM pg_replication_slots WHERE wal_status = 'lost' OR restart_lsn IS NULL")
	t.row.Strikes += len(lost)
	return heal, err
}

// signal reaches those that are still there.
func signal(pids []string, s syscall.Signal) {
	for _, p := range pids {
		if pid, err := strconv.Atoi(p); err == nil {
			_ = syscall.Kill(pid, s)
		}
	}
}

// holdTransaction is a client with a transaction that takes long, through the pooler or past it.
func holdTransaction(ctx context.Context, t *trial) (func(context.Context) error, error) {
	dsn := t.w.through("app")
	if t.random.IntN(2) == 0 {
		dsn = t.w.past(t.w.source.Port, "app")
	}
	t.row.Strikes++
	token := fmt.Sprintf("long %d", t.c.Seed)
	lasts := time.Second + t.upTo(7*time.Second)
	t.beside.Go(func() {
		err := execute(ctx, dsn, fmt.Sprintf("BEGIN; INSERT INTO visit VALUES (1, '%s'); SELECT pg_sleep(%f); COMMIT", token, lasts.Seconds()))
		if err == nil {
			t.keep("SELECT path FROM visit WHERE path = '" + token + "'")
		}
	})
	return nil, nil
}

// definitions are what another client defines, and how it takes that back. The schema is said: the
// role has the name of Lull's own schema, which would come first, and goes with the maintenance.
var definitions = []struct{ do, undo, there string }{
	{"CREATE TABLE public.chaos (id int PRIMARY KEY)", "DROP TABLE IF EXISTS public.chaos", "SELECT relname::text FROM pg_class WHERE relname = 'chaos'"},
	{"ALTER TABLE customer ADD COLUMN chaos int", "ALTER TABLE customer DROP COLUMN IF EXISTS chaos", "SELECT attname::text FROM pg_attribute WHERE attrelid = 'customer'::regclass AND attname = 'chaos'"},
	{"CREATE INDEX chaos ON orders (customer)", "DROP INDEX IF EXISTS chaos", "SELECT relname::text FROM pg_class WHERE relname = 'chaos'"},
	{"ALTER TABLE lull_ledger ADD COLUMN chaos int DEFAULT 1", "ALTER TABLE lull_ledger DROP COLUMN IF EXISTS chaos", "SELECT attname::text FROM pg_attribute WHERE attrelid = 'lull_ledger'::regclass AND attname = 'chaos'"},
}

// define is a migration that somebody runs at the wrong time. Refused is as good as noticed;
// what was accepted must not be missing where the clients end.
func define(ctx context.Context, t *trial) (func(context.Context) error, error) {
	d := definitions[t.random.IntN(len(definitions))]
	server := t.clientsAt()
	t.row.Strikes++
	err := execute(ctx, server+" options='-c lock_timeout=3s'", d.do)
	if err != nil {
		t.note("the change was refused: " + err.Error())
		return nil, nil
	}
	if made, err := column(ctx, server, d.there); err != nil || len(made) == 0 {
		return nil, fmt.Errorf("%s was accepted and is not there: %v", d.do, err)
	}
	t.note(d.do)
	t.keep(d.there)
	return func(ctx context.Context) error {
		err := execute(ctx, server+" options='-c session_replication_role=replica'", d.undo)
		t.forget(d.there)
		return err
	}, nil
}
