package serverlog

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
)

func wanted(text string, begins []string) bool {
	return slices.ContainsFunc(begins, func(b string) bool { return strings.HasPrefix(text, b) })
}

// stderrLines puts messages of several lines together. The server begins each of them but the first
// with a tab, so no line that a client wrote is taken for the beginning of a message.
func stderrLines(text []byte, prefix string, begins []string, yield func(Line) bool) {
	form := prefixForm(prefix)
	var now *Line // whose further lines are looked for
	var whole strings.Builder
	end := func() bool {
		if now == nil {
			return true
		}
		l := *now
		l.Text = whole.String()
		now = nil
		whole.Reset()
		return yield(l)
	}
	for raw := range bytes.Lines(text) {
		line := strings.TrimRight(string(raw), "\r\n")
		if more, is := strings.CutPrefix(line, "\t"); is {
			whole.WriteString("\n" + more)
			continue
		}
		if !end() {
			return
		}
		whole.Reset()
		head, message, is := strings.Cut(line, "LOG:  ")
		if is && wanted(message, begins) {
			l := form.read(head)
			now = &l
			whole.WriteString(message)
		}
	}
	end()
}

// Columns of the CSV form (manual, "Using CSV-Format Log Output"). Newer versions have more at the end.
const (
	csvUser        = 1
	csvDatabase    = 2
	csvPID         = 3
	csvFrom        = 4
	csvSeverity    = 11
	csvMessage     = 13
	csvApplication = 22
	csvColumns     = 23
)

// mostBroken is how many records that cannot be read a log may have: each costs reading on to where it may end.
const mostBroken = 100

// csvLines reads record by record. Where one cannot be read, because the beginning of the text is in the
// middle of it, say, it goes on with the next line.
func csvLines(text []byte, begins []string, yield func(Line) bool) {
	for range mostBroken {
		r := csv.NewReader(bytes.NewReader(text))
		r.FieldsPerRecord, r.ReuseRecord = -1, true
		for {
			begun := r.InputOffset()
			rec, err := r.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				_, text, _ = bytes.Cut(text[begun:], []byte("\n"))
				break
			}
			if len(rec) < csvColumns || rec[csvSeverity] != "LOG" || !wanted(rec[csvMessage], begins) {
				continue
			}
			if !yield(csvLine(rec, text[begun:r.InputOffset()])) {
				return
			}
		}
	}
}

// csvLine believes in names only where they are quoted, as the server writes them. In the middle of a
// statement that a client wrote, every quote is doubled.
func csvLine(rec []string, raw []byte) Line {
	l := Line{PID: strings.Clone(rec[csvPID]), Host: csvHost(rec[csvFrom]), Application: strings.Clone(rec[csvApplication]), Text: strings.Clone(rec[csvMessage])}
	if _, after, _ := bytes.Cut(raw, []byte(",")); bytes.HasPrefix(after, []byte(`"`)) {
		l.User, l.Database = strings.Clone(rec[csvUser]), strings.Clone(rec[csvDatabase])
	}
	return l
}

// csvHost is the address of 10.0.0.7:5432, [local], or an IPv6 address with a port after its last colon.
func csvHost(from string) string {
	host, _, err := net.SplitHostPort(from)
	if err == nil {
		return strings.Clone(host)
	}
	if at := strings.LastIndexByte(from, ':'); at > 0 {
		if _, err := strconv.ParseUint(from[at+1:], 10, 16); err == nil {
			return strings.Clone(from[:at])
		}
	}
	return strings.Clone(from)
}

// jsonLines reads a line each (manual, "Using JSON-Format Log Output").
func jsonLines(text []byte, begins []string, yield func(Line) bool) {
	for line := range bytes.Lines(text) {
		var l struct {
			User        string `json:"user"`
			Database    string `json:"dbname"`
			PID         int64  `json:"pid"`
			Host        string `json:"remote_host"`
			Application string `json:"application_name"`
			Severity    string `json:"error_severity"`
			Message     string `json:"message"`
		}
		if json.Unmarshal(line, &l) != nil || l.Severity != "LOG" || !wanted(l.Message, begins) {
			continue
		}
		if !yield(Line{PID: strconv.FormatInt(l.PID, 10), Host: l.Host, User: l.User, Database: l.Database, Application: l.Application, Text: l.Message}) {
			return
		}
	}
}
