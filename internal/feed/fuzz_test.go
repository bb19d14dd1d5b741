package feed

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
	"github.com/lullhq/lull/internal/view"
)

// FuzzEveryOutput puts any text into every field that people fill in: all documents stay well formed and inert.
func FuzzEveryOutput(f *testing.F) {
	for _, s := range []string{
		"", "All is well.", "]]>", `"><script>alert(1)</script>`, "\x00\x07\x1b\x7f\u0085\uFFFE\uFFFF", "\xff\xfe\xc0\xaf", "\u202Eright to left\u202C שלום",
		"a\r\nATTENDEE:mailto:x@example.com\nEND:VEVENT", "a;b,c\\d:e\"f", "[a](javascript:alert(1)) ![b](data:x)", "&#1;&lt;&amp;&nbsp;",
		strings.Repeat("日本語 ", 500), strings.Repeat("x", 2000), "${a}{{.}}<%= b %>", "</title><svg onload=alert(1)>", "../../../etc/passwd?#%00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o := Origin{Name: s, URL: "https://status.example.com/base"}
		for name, b := range documents(t, o, hostile(s)) {
			if !utf8.Valid(b) {
				t.Fatalf("%s is not UTF-8", name)
			}
			switch path.Ext(name) {
			case ".json":
				inertJSON(t, name, b)
			case ".ics":
				inertICS(t, name, string(b))
			default:
				inertXML(t, name, string(b))
			}
		}
	})
}

// hostile is a page all of whose words are s.
func hostile(s string) view.PageModel {
	var r record
	plan := maint.Scheduled{Title: s, Summary: s, Author: s, Window: maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: 1},
		Components: map[string]maint.Impact{s: maint.Impact(s), "app": maint.MajorOutage}, Names: map[string]string{s: s, "app": s}}
	r.say("m", "12-01 00:00", plan, maint.Rescheduled{Scheduled: plan, Text: s}, maint.Started{Text: s}, maint.Updated{Text: s},
		maint.Late{ExpectedEnd: at("12-05 09:00"), Text: s})
	r.say("n", "12-01 00:00", plan)
	r.say(maint.IncidentID("i"), "12-01 00:00", maint.IncidentOpened{Title: s, Status: maint.IncidentStatus(s), Severity: maint.Severity(s), Text: s, Components: plan.Components, Names: plan.Names},
		maint.IncidentUpdated{Status: maint.Resolved, Text: s}, maint.PostMortemPublished{Text: s})
	r.say(maint.IncidentID("j"), "12-01 00:00", maint.IncidentOpened{Title: s, Status: maint.Investigating, Severity: maint.Minor, Text: s})
	r.say(maint.ChangeID("c"), "12-01 00:00", maint.ChangePosted{Title: s, Text: s, Labels: []string{s}})
	r.say(maint.ComponentID("app"), "12-01 00:00", maint.ComponentSet{Name: s, Status: maint.MajorOutage, Text: s})
	listed := view.Catalog{Components: []view.Listed{{ID: "app", Name: s, Description: s, Group: s}}}
	return view.Page(listed, timeline.Public(r.entries), nil, at("12-05 05:00"))
}

func inertJSON(t *testing.T, name string, b []byte) {
	t.Helper()
	if !json.Valid(b) || strings.ContainsAny(string(b), "<>") {
		t.Fatalf("%s is not JSON, or could be taken for markup: %s", name, b)
	}
}

// inertXML reads a document as strictly as XML is, and the HTML in it as well.
func inertXML(t *testing.T, name, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	var element string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v in %s", name, err, text)
		}
		switch x := token.(type) {
		case xml.StartElement:
			element = x.Name.Local
			if slices.Contains([]string{"script", "iframe", "style", "object"}, element) {
				t.Fatalf("%s has a <%s>", name, element)
			}
			for _, a := range x.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "style" || a.Name.Local == "href" && !strings.HasPrefix(a.Value, "http") {
					t.Fatalf("%s has %s=%q", name, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			if (element == "content" || element == "description") && strings.HasPrefix(string(x), "<") {
				inertXML(t, name+" content", "<div>"+string(x)+"</div>")
			}
			element = ""
		}
	}
}

var icsName = regexp.MustCompile(`^[A-Z-]+(;[A-Z-]+=("[^"]*"|[A-Z0-9-]+))*$`)

func inertICS(t *testing.T, name, text string) {
	t.Helper()
	events := 0
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if len(line) > icsLine || strings.ContainsFunc(line, func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }) {
			t.Fatalf("%s has the line %q", name, line)
		}
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n ", ""), "\r\n") {
		property, _, found := cutProperty(line)
		if line != "" && (!found || !icsName.MatchString(property)) {
			t.Fatalf("%s has the line %q", name, line)
		}
		if property == "ATTENDEE" || property == "METHOD" {
			t.Fatalf("%s has %q", name, line)
		}
		if line == "BEGIN:VEVENT" {
			events++
		}
	}
	if events > 2 {
		t.Fatalf("%s has %d events", name, events)
	}
}

// cutProperty ends a property's name and parameters at the first colon that is not quoted.
func cutProperty(line string) (property, value string, found bool) {
	quoted := false
	for i, r := range line {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ':' && !quoted:
			return line[:i], line[i+1:], true
		}
	}
	return line, "", false
}
