package subscribe

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// Returned is an address that a report says nothing is to be sent to any more, and why.
type Returned struct{ Address, Reason string }

const (
	biggestReport = 1 << 20 // bytes that are read of one
	mostParts     = 20
)

// ErrNoReport says that a message tells of no address that mail does not reach for good, and of no complaint.
var ErrNoReport = errors.New("it tells of no address that failed for good, and of no complaint")

// ReadReport reads a message that a mail server or a provider of mailboxes sends back: a delivery status notification (RFC 3464), of which
// only what failed for good counts, or a complaint (RFC 5965).
func ReadReport(message io.Reader) ([]Returned, error) {
	m, err := mail.ReadMessage(bufio.NewReader(io.LimitReader(message, biggestReport)))
	if err != nil {
		return nil, hint.Errorf("give the whole message, with its head", "it is no message of mail")
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" {
		return nil, ErrNoReport
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	var out []Returned
	for range mostParts {
		p, err := parts.NextPart()
		if err != nil {
			break // also one that was cut short: what came before counts
		}
		switch kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind {
		case "message/delivery-status":
			out = append(out, failures(p)...)
		case "message/feedback-report":
			out = append(out, complaints(p)...)
		}
	}
	if len(out) == 0 {
		return nil, ErrNoReport
	}
	return out, nil
}

// failures reads groups of fields, one a recipient.
func failures(r io.Reader) (out []Returned) {
	fields := textproto.NewReader(bufio.NewReader(r))
	for range 1000 {
		group, err := fields.ReadMIMEHeader()
		status := strings.TrimSpace(group.Get("Status"))
		if strings.EqualFold(strings.TrimSpace(group.Get("Action")), "failed") && strings.HasPrefix(status, "5.") {
			if a, ok := reported(group.Get("Original-Recipient"), group.Get("Final-Recipient")); ok {
				out = append(out, Returned{a, "bounced: " + brief(status+" "+group.Get("Diagnostic-Code"))})
			}
		}
		if err != nil {
			return out
		}
	}
	return out
}

func complaints(r io.Reader) (out []Returned) {
	group, _ := textproto.NewReader(bufio.NewReader(r)).ReadMIMEHeader() // what was read before an error counts
	if kind := strings.TrimSpace(group.Get("Feedback-Type")); strings.EqualFold(kind, "abuse") {
		for _, to := range group.Values("Original-Rcpt-To") {
			if a, ok := reported(to); ok {
				out = append(out, Returned{a, "complaint"})
			}
		}
	}
	return out
}

// reported takes the first that is an address: "rfc822; ann@example.org".
func reported(fields ...string) (string, bool) {
	for _, f := range fields {
		if _, rest, found := strings.Cut(f, ";"); found {
			f = rest
		}
		if a, err := Email.Address(strings.Trim(strings.TrimSpace(f), "<>")); err == nil {
			return a, true
		}
	}
	return "", false
}

func brief(s string) string {
	const most = 200
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}
