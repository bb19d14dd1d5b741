package security

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
)

// logForm is how a server keeps its log, as log_destination has it.
type logForm string

const (
	stderrLog logForm = "stderr"
	csvLog    logForm = "csvlog"
	jsonLog   logForm = "jsonlog" // 15 and newer
)

// ending of the names of files of that form, without the dot.
func (f logForm) ending() string {
	return map[logForm]string{csvLog: "csv", jsonLog: "json"}[f]
}

// logLine is a message of a session, as far as it is needed here.
type logLine struct {
	pid, host string // "" = not told
	text      string
}

// lines reads what is of the level LOG: logins are told there.
func (f logForm) lines(text []byte, prefix string) []logLine {
	switch f {
	case csvLog:
		return csvLines(text)
	case jsonLog:
		return jsonLines(text)
	}
	return stderrLines(text, prefix)
}

func stderrLines(text []byte, prefix string) (out []logLine) {
	form := prefixForm(prefix)
	for line := range bytes.Lines(text) {
		line := strings.TrimRight(string(line), "\r\n")
		at := strings.Index(line, "LOG:  ")
		if at < 0 {
			continue
		}
		l := logLine{text: line[at+len("LOG:  "):]}
		if l.pid, l.host = form.read(line[:at]); strings.HasPrefix(l.text, "connection") || strings.HasPrefix(l.text, "replication") {
			out = append(out, l)
		}
	}
	return out
}

// Columns of the CSV form (manual, "Using CSV-Format Log Output"). Newer versions have more at the end.
const (
	csvPID      = 3
	csvFrom     = 4
	csvSeverity = 11
	csvMessage  = 13
	csvColumns  = 23
)

// mostBroken is how many records that cannot be read a log may have: each costs reading on to where it may end.
const mostBroken = 100

// csvLines reads record by record. Where one cannot be read, because the beginning of the text is in the
// middle of it, say, it goes on with the next line.
func csvLines(text []byte) (out []logLine) {
	for range mostBroken {
		r := csv.NewReader(bytes.NewReader(text))
		r.FieldsPerRecord, r.ReuseRecord = -1, true
		for {
			begun := r.InputOffset()
			rec, err := r.Read()
			if errors.Is(err, io.EOF) {
				return out
			}
			if err != nil {
				_, text, _ = bytes.Cut(text[begun:], []byte("\n"))
				break
			}
			if len(rec) >= csvColumns && rec[csvSeverity] == "LOG" {
				out = append(out, logLine{pid: strings.Clone(rec[csvPID]), host: csvHost(rec[csvFrom]), text: strings.Clone(rec[csvMessage])})
			}
		}
	}
	return out
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
func jsonLines(text []byte) (out []logLine) {
	for line := range bytes.Lines(text) {
		var l struct {
			PID      int64  `json:"pid"`
			Host     string `json:"remote_host"`
			Severity string `json:"error_severity"`
			Message  string `json:"message"`
		}
		if json.Unmarshal(line, &l) == nil && l.Severity == "LOG" {
			out = append(out, logLine{pid: strconv.FormatInt(l.PID, 10), host: l.Host, text: l.Message})
		}
	}
	return out
}
