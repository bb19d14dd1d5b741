package subscribe

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		way      Way
		in, want string
	}{
		{Email, " Ann@Example.org ", "ann@example.org"},
		{Email, "Ann <ann@example.org>", ""},
		{Email, "ann@example.org\r\nBcc: x@example.org", ""},
		{Email, "ann", ""},
		{Email, "ann@localhost", ""},
		{Email, `"a b"@example.org`, ""},
		{Email, strings.Repeat("a", 250) + "@example.org", ""},
		{Webhook, "https://hooks.example.org/a?b=c", "https://hooks.example.org/a?b=c"},
		{Webhook, "http://hooks.example.org/", ""},
		{Webhook, "https://user:pass@hooks.example.org/", ""},
		{Webhook, "https://hooks.slack.com/services/T/B/X", ""},
		{Webhook, "file:///etc/passwd", ""},
		{Slack, "https://hooks.slack.com/services/T/B/X", "https://hooks.slack.com/services/T/B/X"},
		{Slack, "https://hooks.slack.com.example.org/services/T/B/X", ""},
		{Slack, "https://example.org/?x=hooks.slack.com", ""},
		{Slack, "https://hooks.slack.com:8443/services/T/B/X", ""},
		{"fax", "1", ""},
	} {
		got, err := tt.way.Address(tt.in)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s %q: %q, %v", tt.way, tt.in, got, err)
		}
	}
}

func TestChoices(t *testing.T) {
	t.Parallel()
	check := func(c Choice) (Choice, error) { return c.Check([]string{"app", "api"}, []string{"en", "de"}) }
	got, err := check(Choice{Kinds: []Kind{Changes, "nonsense", Maintenances}, Components: []string{"gone", "api"}, Language: "tlh", Zone: " Europe/Paris "})
	if diff := cmp.Diff(Choice{Kinds: []Kind{Maintenances, Changes}, Components: []string{"api"}, Zone: "Europe/Paris"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for name, c := range map[string]Choice{
		"nothing": {}, "no such component": {Kinds: Kinds, Components: []string{"gone"}}, "no zone": {Kinds: Kinds, Zone: "Mars/Olympus"}, "this machine's": {Kinds: Kinds, Zone: "Local"},
	} {
		if _, err := check(c); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// returned is what Postfix sends back, cut short.
const returned = "From: MAILER-DAEMON@mail.example.com\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"A.B\"\r\n\r\n" +
	"--A.B\r\nContent-Type: text/plain\r\n\r\nI'm sorry.\r\n--A.B\r\nContent-Type: message/delivery-status\r\n\r\n" +
	"Reporting-MTA: dns; mail.example.com\r\n\r\n" +
	"Final-Recipient: rfc822; gone@example.org\r\nOriginal-Recipient: rfc822;Gone@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n no such user\r\n\r\n" +
	"Final-Recipient: rfc822; full@example.org\r\nAction: delayed\r\nStatus: 4.2.2\r\n\r\n" +
	"Final-Recipient: rfc822; other@example.org\r\nAction: failed\r\nStatus: 5.7.1\r\n\r\n--A.B--\r\n"

const complaint = "From: fbl@provider.example\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=x\r\n\r\n" +
	"--x\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\nOriginal-Rcpt-To: <ann@example.org>\r\n\r\n--x--\r\n"

func TestReports(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     []Returned
	}{
		{"of a mail server", returned, []Returned{{"gone@example.org", "bounced: 5.1.1 smtp; 550 5.1.1 no such user"}, {"other@example.org", "bounced: 5.7.1"}}},
		{"of a provider", complaint, []Returned{{"ann@example.org", "complaint"}}},
		{"that is cut short", returned[:strings.Index(returned, "Final-Recipient: rfc822; full")], []Returned{{"gone@example.org", "bounced: 5.1.1 smtp; 550 5.1.1 no such user"}}},
		{"of a delay", strings.ReplaceAll(returned, "Action: failed", "Action: delayed"), nil},
		{"that is none", "Subject: hello\r\n\r\nFinal-Recipient: rfc822; gone@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n", nil},
	} {
		got, err := ReadReport(strings.NewReader(tt.in))
		if diff := cmp.Diff(tt.want, got); diff != "" || tt.want == nil && !errors.Is(err, ErrNoReport) {
			t.Errorf("%s: %v %s", tt.name, err, diff)
		}
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add(returned)
	f.Add(complaint)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ReadReport(strings.NewReader(s))
		if (err == nil) != (len(got) > 0) {
			t.Fatalf("%v, %v", got, err)
		}
		for _, r := range got {
			if a, err := Email.Address(r.Address); err != nil || a != r.Address || strings.ContainsAny(r.Reason, "\r\n") {
				t.Fatalf("%+v", r)
			}
		}
	})
}

func TestListsComeBack(t *testing.T) {
	t.Parallel()
	all := []Subscriber{
		{Way: Email, Address: "ann@example.org", State: Active, Choice: Choice{Kinds: []Kind{Maintenances}, Components: []string{"app", "api"}, Language: "de", Zone: "Europe/Berlin"}},
		{Way: Webhook, Address: "https://hooks.example.org/a,b", State: Suppressed, Reason: `he said "no"`, Choice: Choice{Kinds: Kinds}},
	}
	var out strings.Builder
	rest := all
	if err := WriteList(&out, func() ([]Subscriber, error) {
		some := rest
		rest = nil
		return some, nil
	}); err != nil {
		t.Fatal(err)
	}
	got, err := ReadList(strings.NewReader(out.String()), nil, []string{"app", "api"}, []string{"en", "de"})
	if diff := cmp.Diff(all, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	least, err := ReadList(strings.NewReader("\ufeffAddress\nbob@example.org\n"), []Kind{Incidents}, nil, nil)
	if diff := cmp.Diff([]Subscriber{{Way: Email, Address: "bob@example.org", State: Active, Choice: Choice{Kinds: []Kind{Incidents}}}}, least); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for in, want := range map[string]string{
		"": "no head", "name\nann": `a column "name"`, "way\nemail": "no column of addresses", "address,kinds\nann@example.org,all": `line 2: "all" is no kind`,
		"address\nann@example.org\nbob": "line 3: it is not an address", "address,state\nann@example.org,on": "no state",
	} {
		if _, err := ReadList(strings.NewReader(in), Kinds, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func FuzzReadList(f *testing.F) {
	f.Add("address,way,kinds\nann@example.org,email,incidents\n")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ReadList(strings.NewReader(s), Kinds, nil, nil)
		if err != nil {
			return
		}
		for _, x := range got {
			if x.Address == "" || len(x.Choice.Kinds) == 0 {
				t.Fatalf("%+v", x)
			}
		}
	})
}
