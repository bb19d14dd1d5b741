package app

import (
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/subscribe"
	"github.com/lullhq/lull/internal/timeline"
)

// visitor is somebody before the page, without any script.
type visitor struct {
	t   *testing.T
	app *App
	url string
}

func newVisitor(t *testing.T, a *App) visitor {
	t.Helper()
	s, err := a.server(nil, nil, nil)
	check(t, err)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return visitor{t, a, server.URL}
}

func (v visitor) get(path string) (int, string) {
	v.t.Helper()
	answer, err := http.Get(v.url + path)
	check(v.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(v.t, err)
	if got := answer.Header.Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self'") || strings.Contains(got, "unsafe") || answer.Header.Get("Cache-Control") != "no-store" {
		v.t.Errorf("%s: %v", path, answer.Header)
	}
	return answer.StatusCode, string(body)
}

func (v visitor) post(path string, pairs ...string) (int, string) {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	answer, err := http.PostForm(v.url+path, form)
	check(v.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	check(v.t, err)
	return answer.StatusCode, string(body)
}

// text is a mail's body as it is read.
func text(t *testing.T, mail string) string {
	t.Helper()
	out, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(mail)))
	if err != nil {
		return mail // its first part is what is looked at
	}
	return string(out)
}

var linkIn = regexp.MustCompile(`/subscription/[A-Z2-7]{26}`)

// came takes what was sent to an address since the last time.
func (o *office) came(who string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	mail := o.mail[who]
	delete(o.mail, who)
	return mail
}

func subscribed(t *testing.T) (*App, *office, visitor, string) {
	t.Helper()
	o, address := newOffice(t)
	a, dir := appFor(t, fmt.Sprintf(`notices: {private: [127.0.0.0/8]}
channels:
  customers: {email: {from: Example <status@example.com>, smtp: %q, tls: none}}
subscribers: {email: customers, digest: {day: friday, at: "10:00"}}
`, address))
	a.now = at("2026-11-20 00:00")
	return a, o, newVisitor(t, a), dir
}

const ann = "ann@example.org"

// From the form on the page to the last message, as somebody without JavaScript goes through it.
func TestSomebodySubscribesIsToldAndLeaves(t *testing.T) {
	t.Parallel()
	a, o, v, dir := subscribed(t)
	if code, form := v.get("/de/subscribe"); code != 200 || !strings.Contains(form, `action="/de/subscribe"`) || !strings.Contains(form, "Link schicken") {
		t.Fatalf("%d\n%s", code, form)
	}
	code, answer := v.post("/de/subscribe", "way", "email", "address", "Ann@example.org", "kind", "maintenances", "kind", "incidents", "component", "app", "language", "de", "zone", "Europe/Berlin")
	if code != 200 || strings.Contains(answer, "example.org") {
		t.Fatalf("%d\n%s", code, answer)
	}
	tellsAll(t, a)
	mail := o.came(ann)
	link := linkIn.FindString(text(t, mail))
	if link == "" || !strings.Contains(mail, "Content-Language: de") {
		t.Fatalf("the link is not in:\n%s", mail)
	}

	// Before it is confirmed nothing comes, whoever looks at the link.
	_, err := a.Schedule(t.Context(), planFile(t, dir, "notices: [30d, 7d, end]"))
	check(t, err)
	if code, page := v.get(link); code != 200 || !strings.Contains(page, ann) || !strings.Contains(page, "before you confirm") {
		t.Errorf("%d\n%s", code, page)
	}
	tellsAll(t, a)
	if mail := o.came(ann); mail != "" {
		t.Fatalf("unconfirmed, and told:\n%s", mail)
	}
	if code, page := v.post(link, "do", "save", "kind", "maintenances", "kind", "incidents", "component", "app", "language", "de", "zone", "Europe/Berlin"); code != 200 || !strings.Contains(page, "You will be told") {
		t.Errorf("%d\n%s", code, page)
	}

	a.now = at("2026-11-28 05:00")
	tellsAll(t, a)
	mail = o.came(ann)
	header := regexp.MustCompile(`List-Unsubscribe: <[^>]*(/subscription/[A-Z2-7]{26})>`).FindStringSubmatch(strings.ReplaceAll(mail, "\r\n ", " "))
	if header == nil || strings.Contains(mail, "List-Unsubscribe-Post") || // not over plain http, by RFC 8058
		!strings.Contains(mail, "05:00") {
		t.Fatalf("a notice without a way out, or of no time there:\n%s", mail)
	}
	if body := text(t, mail[strings.Index(mail, "\r\n\r\n"):]); linkIn.MatchString(body) || !strings.Contains(body, "/subscribe") {
		t.Errorf("whoever forwards it hands over a link:\n%s", body)
	}

	// A program for mail takes one click; what waits is taken back.
	answer1, err := http.Post(v.url+header[1], "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
	check(t, err)
	answer1.Body.Close()
	if answer1.StatusCode != 200 {
		t.Errorf("one click: %d", answer1.StatusCode)
	}
	_, err = a.store.Append(t.Context(), "pg17", timeline.AnyVersion, timeline.Draft{At: a.now(), Event: maint.Cancelled{}})
	check(t, err)
	tellsAll(t, a)
	if mail := o.came(ann); mail != "" {
		t.Errorf("told after leaving:\n%s", mail)
	}
}

// The answer, and what is sent to others, is the same whether an address is known or not; nobody learns who is in the book.
func TestAskingTellsNothing(t *testing.T) {
	t.Parallel()
	a, o, v, _ := subscribed(t)
	put := func(address string, state subscribe.State) {
		t.Helper()
		_, err := a.AddSubscriber(t.Context(), subscribe.Subscriber{Way: subscribe.Email, Address: address, Choice: subscribe.Choice{Kinds: subscribe.Kinds}})
		check(t, err)
		if state == subscribe.Suppressed {
			check(t, a.SuppressAddress(t.Context(), address, "bounce"))
		}
	}
	put("known@example.org", subscribe.Active)
	put("gone@example.org", subscribe.Suppressed)
	var answers []string
	for _, who := range []string{"known@example.org", "gone@example.org", "new@example.org", "new@example.org"} {
		code, page := v.post("/subscribe", "way", "email", "address", who, "kind", "changes")
		answers = append(answers, fmt.Sprint(code, page))
	}
	for i, got := range answers {
		if got != answers[0] {
			t.Errorf("answer %d is another", i)
		}
	}
	tellsAll(t, a)
	if o.came("gone@example.org") != "" || strings.Count(o.came("new@example.org"), "Message-ID: ") != 1 {
		t.Error("a suppressed address got mail, or a new one not one message")
	}
	link := linkIn.FindString(text(t, o.came("known@example.org")))
	if who, err := a.store.Holder(t.Context(), subscribe.Link(strings.TrimPrefix(link, "/subscription/")), a.now()); err != nil || !slices.Equal(who.Choice.Kinds, subscribe.Kinds) {
		t.Errorf("a stranger has changed what somebody chose: %+v, %v", who, err)
	}
	a.now = func() time.Time { return at("2026-11-20 00:00")().Add(subscribe.LinkFor) }
	if code, _ := newVisitor(t, a).get(link); code != http.StatusNotFound {
		t.Errorf("a link that is over: %d", code)
	}
}

func TestStrangersAreSlowedDown(t *testing.T) {
	t.Parallel()
	a, o, v, _ := subscribed(t)
	last := 0
	for i := range 40 {
		last, _ = v.post("/subscribe", "way", "email", "address", fmt.Sprintf("a%d@example.org", i), "kind", "changes")
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("asking without end: %d", last)
	}
	tellsAll(t, a)
	if len(o.mail) == 0 || len(o.mail) > 12 {
		t.Errorf("%d strangers got mail", len(o.mail))
	}
	for range 60 {
		last, _ = v.get("/subscription/" + string(subscribe.NewLink()))
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("guessing without end: %d", last)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	a, _, v, _ := subscribed(t)
	for _, header := range []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"} {
		name, value, _ := strings.Cut(header, ": ")
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.url+"/subscribe", strings.NewReader("way=email&address=a%40example.org&kind=changes"))
		check(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set(name, value)
		answer, err := http.DefaultClient.Do(r)
		check(t, err)
		answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", header, answer.StatusCode)
		}
	}
	if list, err := a.Subscribers(t.Context(), 0, 10); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	for _, bad := range [][]string{{"way", "email", "address", "<script>", "kind", "changes"}, {"way", "email", "address", ann}, {"way", "webhook", "address", "https://x.example/", "kind", "changes"}, {"way", "email", "address", ann, "kind", "changes", "zone", `"><script>`}} {
		if code, page := v.post("/subscribe", bad...); code != http.StatusUnprocessableEntity || strings.Contains(page, "<script>") {
			t.Errorf("%v: %d", bad, code)
		}
	}
}

// Incidents are told to those who want them, of the components that they chose, each thing once.
func TestSubscribersAreToldOfIncidents(t *testing.T) {
	t.Parallel()
	a, o, _, _ := subscribed(t)
	for who, c := range map[string]subscribe.Choice{
		ann: {Kinds: []subscribe.Kind{subscribe.Incidents}, Components: []string{"api"}}, "bob@example.org": {Kinds: []subscribe.Kind{subscribe.Incidents}, Language: "de"},
		"cid@example.org": {Kinds: []subscribe.Kind{subscribe.Incidents}, Components: []string{"app"}}, "dee@example.org": {Kinds: []subscribe.Kind{subscribe.Maintenances}},
	} {
		_, err := a.AddSubscriber(t.Context(), subscribe.Subscriber{Way: subscribe.Email, Address: who, Choice: c})
		check(t, err)
	}
	tell := func(what string, do func() (say.Said, error), wants map[string]string) {
		t.Helper()
		_, err := do()
		check(t, err)
		tellsAll(t, a)
		tellsAll(t, a)
		for _, who := range []string{ann, "bob@example.org", "cid@example.org", "dee@example.org"} {
			mail := o.came(who)
			if want, told := wants[who]; told != (mail != "") || !strings.Contains(text(t, mail), want) || strings.Count(mail, "Message-ID: ") > 1 {
				t.Errorf("%s: %s is told\n%s", what, who, mail)
			}
		}
	}
	w := say.Incident{Name: "slow", Title: "Slow answers", Status: maint.Investigating, Severity: maint.Major, Text: "We *look* into it.", Components: map[string]maint.Impact{"api": maint.DegradedPerformance}}
	tell("opened", func() (say.Said, error) { return a.OpenIncident(t.Context(), w) },
		map[string]string{ann: "We look into it.", "bob@example.org": "Subject: "})
	tell("resolved", func() (say.Said, error) {
		return a.UpdateIncident(t.Context(), say.Incident{Name: "slow", Status: maint.Resolved, Text: "It is over."})
	}, map[string]string{ann: "Subject: Resolved: Slow answers", "bob@example.org": "It is over."})
	tell("explained", func() (say.Said, error) {
		return a.ExplainIncident(t.Context(), say.Incident{Name: "slow", Text: "A disk was full."})
	}, map[string]string{ann: "A disk was full.", "bob@example.org": "A disk was full."})
}

func TestDigestOfTheWeek(t *testing.T) {
	t.Parallel()
	a, o, _, _ := subscribed(t)
	_, err := a.AddSubscriber(t.Context(), subscribe.Subscriber{Way: subscribe.Email, Address: ann, Choice: subscribe.Choice{Kinds: []subscribe.Kind{subscribe.Changes}}})
	check(t, err)
	_, err = a.PostChange(t.Context(), say.Change{Name: "old", Title: "Long ago", Text: "t", Date: at("2020-01-01 00:00")()})
	check(t, err)
	a.now = at("2026-11-20 12:00") // a Friday
	_, err = a.PostChange(t.Context(), say.Change{Name: "dark", Title: "Dark mode", Text: "It is **dark** now.\n\nMore."})
	check(t, err)
	a.now = at("2026-11-27 09:59")
	check(t, a.digest(t.Context(), a.weekEnd(a.now())))
	tellsAll(t, a)
	if mail := o.came(ann); mail != "" {
		t.Errorf("before the week is over:\n%s", mail)
	}
	a.now = at("2026-11-27 10:00")
	for range 2 {
		check(t, a.digest(t.Context(), a.weekEnd(a.now())))
		tellsAll(t, a)
	}
	mail := o.came(ann)
	if body := text(t, mail); !strings.Contains(body, "Dark mode\n") && !strings.Contains(body, "Dark mode\r\n") || !strings.Contains(body, "It is dark now.") || strings.Contains(body, "Long ago") || strings.Count(mail, "Message-ID: ") != 1 {
		t.Errorf("the digest is\n%s", mail)
	}
	a.now = at("2026-12-04 10:00")
	check(t, a.digest(t.Context(), a.weekEnd(a.now())))
	tellsAll(t, a)
	if mail := o.came(ann); mail != "" {
		t.Errorf("of a week in which nothing was new:\n%s", mail)
	}
}

// A program confirms by the link that it is sent, and can check who sent it.
func TestProgramsSubscribe(t *testing.T) {
	t.Parallel()
	a, _ := appFor(t, "notices: {private: [127.0.0.0/8]}\nsubscribers: {webhooks: true, slack: true}\n")
	a.now = at("2026-11-20 00:00")
	v := newVisitor(t, a)
	if code, _ := v.post("/subscribe", "way", "webhook", "address", "https://hooks.example.org/secret", "kind", "incidents"); code != 200 {
		t.Fatal(code)
	}
	list, err := a.Subscribers(t.Context(), 0, 10)
	if err != nil || len(list) != 1 || list[0].State != subscribe.Pending || !strings.HasPrefix(list[0].Secret, "whsec_") {
		t.Fatalf("%+v, %v", list, err)
	}
	waiting, err := a.Deliveries(t.Context(), notify.Page{})
	check(t, err)
	if len(waiting) != 1 || strings.Contains(waiting[0].Recipient, "secret") || waiting[0].Channel != "subscribers/webhook" {
		t.Errorf("%+v", waiting)
	}
	// The address above is nobody's. What is sent to one that is, over real HTTP:
	l := newListener(t)
	m, err := (notify.Words{Organization: "Example", Page: "https://status.example.com"}).Message(
		notify.Delivery{Notice: notify.Notice{ID: "x", Subject: "subscriber/1", Kind: notify.Confirm, Word: "link", At: a.now()}}, notify.Address{At: l.URL, Secret: list[0].Secret, Link: "ABC"})
	check(t, err)
	s, err := a.sender(nil)
	check(t, err)
	check(t, s.Channels["subscribers/webhook"].Send(t.Context(), m))
	if got := l.types(); !slices.Equal(got, []string{"confirm.link"}) || l.bodies[0]["data"].(map[string]any)["url"] != "https://status.example.com/subscription/ABC" {
		t.Errorf("%v", l.bodies)
	}
}

func TestTheOperatorsDesk(t *testing.T) {
	t.Parallel()
	a, _, _, _ := subscribed(t)
	n, err := a.ImportSubscribers(t.Context(), strings.NewReader("address,kinds,components,state\nann@example.org,incidents,api,active\nbob@example.org,,,left\ngone@example.org,,,suppressed\n"))
	if err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	var out strings.Builder
	check(t, a.ExportSubscribers(t.Context(), &out))
	if !strings.Contains(out.String(), "ann@example.org,email,incidents,api,,,active,\n") || !strings.Contains(out.String(), "gone@example.org,email,,,,,suppressed,") {
		t.Errorf("exported:\n%s", out.String())
	}
	check(t, a.RemoveSubscriber(t.Context(), subscribe.Email, "Ann@example.org"))
	if err := a.RemoveSubscriber(t.Context(), subscribe.Email, "ann@example.org"); !errors.Is(err, subscribe.ErrUnknown) {
		t.Errorf("again: %v", err)
	}
}
