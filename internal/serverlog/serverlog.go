// Package serverlog reads what a PostgreSQL server wrote into its own log, over a connection to
// it, in each of the forms in which a server keeps one.
//
// It must not know what the messages are read for.
package serverlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Form is how a server keeps its log, as log_destination has it.
type Form string

// The forms, of which the last is there from 15 on.
const (
	Stderr Form = "stderr"
	CSV    Form = "csvlog"
	JSON   Form = "jsonlog"
)

// ending of the names of files of that form, without the dot.
func (f Form) ending() string {
	return map[Form]string{CSV: "csv", JSON: "json"}[f]
}

// Log is the newest part of a server's log.
type Log struct {
	Form   Form
	Prefix string // log_line_prefix: how lines of the form stderr begin
	Dir    string // log_directory
	Back   time.Duration
	Text   []byte // the oldest first
}

// String says what was read, for people.
func (l Log) String() string {
	return fmt.Sprintf("the log of the last %d days in %s, %d kB of it", int(l.Back.Hours()/24), l.Dir, len(l.Text)>>10)
}

// Line is a message that is not about an error, as far as it is needed here: of the level LOG.
// What is empty was not told.
type Line struct {
	PID, Host, User, Database, Application string
	Text                                   string
}

// Lines reads the messages that begin with one of these texts.
//
// A client may write what it likes into a statement or into its application_name. Neither makes a
// message of another user or database.
func (l Log) Lines(begins ...string) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		switch l.Form {
		case CSV:
			csvLines(l.Text, begins, yield)
		case JSON:
			jsonLines(l.Text, begins, yield)
		default:
			stderrLines(l.Text, l.Prefix, begins, yield)
		}
	}
}

// Unread says why a server's log cannot be read, in words that go on after a colon.
type Unread struct{ Reason string }

func (u Unread) Error() string { return "read the server's log: " + u.Reason }

const (
	atLeast = 24 * time.Hour
	mostLog = 32 << 20 // bytes, the newest of them
)

// Read reads so far back, a day at least and 32 MB at most. The error is an Unread where there is nothing to read.
func Read(ctx context.Context, conn *pgx.Conn, back time.Duration) (Log, error) {
	l := Log{Back: max(back, atLeast)}
	err := conn.QueryRow(ctx, `SELECT current_setting('log_line_prefix'), current_setting('log_directory'),
		coalesce((SELECT d FROM regexp_split_to_table(current_setting('log_destination'), '[ ,]+') AS d
			WHERE d IN ('csvlog', 'jsonlog', 'stderr') AND current_setting('logging_collector')::bool ORDER BY d LIMIT 1), '')`).Scan(&l.Prefix, &l.Dir, &l.Form)
	if err != nil {
		return l, fmt.Errorf("ask what the server logs: %w", err)
	}
	if l.Form == "" {
		return l, Unread{"the server does not keep its log in files itself (logging_collector)"}
	}
	l.Text, err = readFiles(ctx, conn, l.Form, l.Back)
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return l, Unread{"the log cannot be read: " + refused.Message}
	}
	return l, err
}

// file is one of the log's.
type file struct {
	Name string
	Size int64 // bytes
}

func readFiles(ctx context.Context, conn *pgx.Conn, form Form, back time.Duration) ([]byte, error) {
	rows, err := conn.Query(ctx, `SELECT name, size FROM pg_ls_logdir() WHERE coalesce(substring(name FROM '[.](csv|json)$'), '') = $2 AND modification > now() - $1::interval ORDER BY modification DESC`, back, form.ending())
	if err != nil {
		return nil, fmt.Errorf("list the log's files: %w", err)
	}
	files, err := pgx.CollectRows(rows, pgx.RowToStructByPos[file])
	if err != nil {
		return nil, fmt.Errorf("list the log's files: %w", err)
	}
	var text []byte
	for _, f := range files {
		left := int64(mostLog - len(text))
		if left <= 0 {
			break
		}
		part, err := readEnd(ctx, conn, f, left)
		if err != nil {
			return nil, err
		}
		text = append(append(part, '\n'), text...)
	}
	return text, nil
}

// readEnd reads the last bytes of a file, from the beginning of a line.
func readEnd(ctx context.Context, conn *pgx.Conn, f file, most int64) (part []byte, err error) {
	from := max(0, f.Size-most)
	err = conn.QueryRow(ctx, `SELECT coalesce(pg_read_binary_file(current_setting('log_directory') || '/' || $1, $2, $3, true), '')`, f.Name, from, f.Size-from).Scan(&part)
	if err != nil {
		return nil, fmt.Errorf("read the log's file %s: %w", f.Name, err)
	}
	if from > 0 {
		_, part, _ = bytes.Cut(part, []byte("\n"))
	}
	return part, nil
}
