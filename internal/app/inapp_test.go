package app

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/run"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/timeline"
)

const (
	productOrigin = "https://app.example.com"
	productSecret = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
)

// inside is Lull with a product's channel, and its server.
type inside struct {
	t   *testing.T
	app *App
	url string
	dir string
}

func newInside(t *testing.T, lines string) inside {
	t.Helper()
	i := unserved(t, lines)
	i.url = serveInside(t, i.app)
	return i
}

func unserved(t *testing.T, lines string) inside {
	t.Helper()
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	check(t, os.WriteFile(keys, []byte("k1 HS256 "+productSecret+"\n"), 0o600))
	a := opened(t, dir, "components: {app: {name: App}}\nchannels: {app: {widget: {keys_file: "+keys+", origins: [\""+productOrigin+"\"]"+lines+"}}}\n")
	return inside{t: t, app: a, dir: dir}
}

// serveInside is one more server on the app's store.
func serveInside(t *testing.T, a *App) string {
	t.Helper()
	w, err := a.widget(slog.New(slog.DiscardHandler))
	check(t, err)
	s, err := a.server(a.store.Wake(t.Context()), nil, w)
	check(t, err)
	check(t, s.Read(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { s.Follow(ctx) })
	all.Go(func() { w.Run(ctx) })
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		cancel()
		all.Wait()
	})
	return srv.URL
}

// say puts an event of pg17 on record, some time after now.
func (i inside) say(after time.Duration, e maint.Event) {
	i.t.Helper()
	_, err := i.app.store.Append(i.t.Context(), "pg17", timeline.AnyVersion, timeline.Draft{At: time.Now().Add(after), Event: e})
	check(i.t, err)
}

// plan is one whose window opens in three hours, and of which everybody is told a day before.
func (i inside) plan() maint.Scheduled {
	return maint.Scheduled{Title: "Database upgrade", Window: maint.Window{Start: time.Now().UTC().Add(3 * time.Hour).Format(maint.WallLayout), Zone: "Etc/UTC", Allow: time.Hour}, Notices: []string{"1d", "start"}}
}

// work goes on a little, again and again, until it is stopped.
func (i inside) work(public string) (stop func()) {
	ctx, cancel := context.WithCancel(i.t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		for done := 1.0; ctx.Err() == nil; done++ {
			i.app.store.Sample(ctx, "pg17", run.Progress{Public: public, Done: done, Total: 1e4, At: time.Now()})
			pause(ctx, 200*time.Millisecond)
		}
	})
	return func() {
		cancel()
		working.Wait()
	}
}

func token(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	all := jwt.MapClaims{"aud": "lull", "exp": time.Now().Add(10 * time.Minute).Unix()}
	for k, v := range claims {
		all[k] = v
	}
	j := jwt.NewWithClaims(jwt.SigningMethodHS256, all)
	j.Header["kid"] = "k1"
	key, err := base64.StdEncoding.DecodeString(productSecret)
	check(t, err)
	s, err := j.SignedString(key)
	check(t, err)
	return s
}

func person(t *testing.T, id string) string {
	return token(t, jwt.MapClaims{"sub": id, "zoneinfo": "Europe/Berlin", "locale": "de"})
}

func ask(t *testing.T, method, url, token, body string, headers ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	check(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	resp, err := http.DefaultClient.Do(req)
	check(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// box is what a device is shown.
type box struct {
	Read     int64
	Messages []struct{ ID, Title, Text string }
	Closed   []string
	Told     []string

	Reactions map[string]string
}

func (b box) titles() (out []string) {
	for _, m := range b.Messages {
		out = append(out, m.Title)
	}
	return out
}

// device is one stream of a person.
type device struct {
	t   *testing.T
	rd  *bufio.Reader
	id  string
	box box
}

func tuneIn(t *testing.T, url, token string, headers ...string) *device {
	t.Helper()
	resp := ask(t, http.MethodGet, url+"/widget/app/stream", token, "", headers...)
	for resp.StatusCode == http.StatusServiceUnavailable { // the server has not read the record yet
		pause(t.Context(), 50*time.Millisecond)
		resp = ask(t, http.MethodGet, url+"/widget/app/stream", token, "", headers...)
	}
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("the stream answered %d: %s", resp.StatusCode, body)
	}
	return &device{t: t, rd: bufio.NewReader(resp.Body)}
}

// next reads events up to one of that name. The test's own deadline is the patience.
func (d *device) next(name string) string {
	d.t.Helper()
	event, data := "", ""
	for {
		line, err := d.rd.ReadString('\n')
		check(d.t, err)
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "event":
			event = value
		case "data":
			data = value
		case "id":
			d.id = value
		case "":
			if event == "inbox" {
				d.box = box{}
				check(d.t, json.Unmarshal([]byte(data), &d.box))
			}
			if event == name {
				return data
			}
			event, data = "", ""
		}
	}
}

// until reads inboxes up to one that is as wanted.
func (d *device) until(wanted func(box) bool) box {
	d.t.Helper()
	for d.next("inbox"); !wanted(d.box); d.next("inbox") {
	}
	return d.box
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
}

// From a fact to somebody who is signed in, on two servers: before, during, after; what one device puts away is away on the other.
func TestPeopleInTheAppAreTold(t *testing.T) {
	t.Parallel()
	i := newInside(t, "")
	i.say(-48*time.Hour, i.plan())
	phone, laptop := tuneIn(t, i.url, person(t, "ann")), tuneIn(t, serveInside(t, i.app), person(t, "ann"))
	for _, d := range []*device{phone, laptop} {
		d.until(func(b box) bool { return len(b.Messages) == 1 })
		if m := d.box.Messages[0]; !strings.HasPrefix(m.Title, "Geplante Wartung am ") || !strings.Contains(m.Text, "Ortszeit Berlin") {
			t.Errorf("ann is told %+v", m)
		}
	}
	ahead := phone.box.Messages[0].ID
	answer := ask(t, http.MethodPost, i.url+"/widget/app/marks", person(t, "ann"), fmt.Sprintf(`{"seen":[%q],"dismissed":[%q]}`, ahead, ahead))
	same(t, "marks", answer.StatusCode, http.StatusOK)
	laptop.until(func(b box) bool { return len(b.Closed) == 1 && b.Closed[0] == ahead })

	i.say(0, maint.Started{})
	phone.until(func(b box) bool { return len(b.Messages) == 1 && b.Messages[0].ID != ahead })
	same(t, "during", phone.box.titles(), []string{"Wartung hat begonnen: Database upgrade"})
	stop := i.work("Copying")
	if p := phone.next("progress"); !strings.Contains(p, `"percent":`) || !strings.Contains(p, `"text":"Copying"`) {
		t.Errorf("the progress is %s", p)
	}
	stop()
	// Who comes for the first time now is told that it is under way, and then that it is over. Who comes after is told nothing.
	bob := tuneIn(t, i.url, person(t, "bob"))
	bob.until(func(b box) bool { return len(b.Messages) == 1 })
	i.say(0, maint.Completed{})
	for _, d := range []*device{phone, laptop, bob} {
		d.until(func(b box) bool {
			return len(b.Messages) == 1 && strings.HasPrefix(b.Messages[0].Title, "Wartung abgeschlossen")
		})
	}
	late := tuneIn(t, i.url, person(t, "cyd"))
	late.next("inbox")
	same(t, "who comes after", late.box.titles(), []string(nil))
	again := tuneIn(t, i.url, person(t, "cyd"))
	again.next("inbox")
	same(t, "and again", again.box.titles(), []string(nil))

	// Each has seen some of it. It counts once, however often a device says so.
	end := phone.box.Messages[0].ID
	for _, who := range []string{"ann", "ann", "bob"} {
		ask(t, http.MethodPost, i.url+"/widget/app/marks", person(t, who), fmt.Sprintf(`{"seen":[%q, "nothing/of/ours"]}`, end))
	}
	entries, err := i.app.history(t.Context(), "pg17")
	check(t, err)
	r, err := i.app.reportWithNotices(t.Context(), "pg17", entries)
	check(t, err)
	for _, want := range []string{"| 1 day before |", "| app | seen by 1 |", "| end |", "| app | seen by 2 |"} {
		if !strings.Contains(string(r.Public), want) {
			t.Errorf("the report lacks %q:\n%s", want, r.Public)
		}
	}
}

// Nobody waits for a look at the record: the commit of a fact is what leads to the message in the stream. This server would look once
// in a hundred hours, and no notice is due while it runs.
func TestAFactReachesTheStreamByItself(t *testing.T) {
	t.Parallel()
	i := unserved(t, "")
	i.app.poll = 100 * time.Hour
	i.say(-48*time.Hour, i.plan())
	d := tuneIn(t, serveInside(t, i.app), person(t, "ann"))
	d.until(func(b box) bool { return len(b.Messages) == 1 })
	for _, tt := range []struct {
		fact  maint.Event
		title string
	}{{maint.Started{}, "Wartung hat begonnen"}, {maint.Late{ExpectedEnd: time.Now().Add(5 * time.Hour)}, "Wartung dauert länger"}, {maint.Completed{}, "Wartung abgeschlossen"}} {
		i.say(0, tt.fact)
		d.until(func(b box) bool { return len(b.Messages) == 1 && strings.HasPrefix(b.Messages[0].Title, tt.title) })
	}
}

// Keys are changed while the server runs. What cannot be read changes nothing.
func TestKeysOfAProductAreReadAgain(t *testing.T) {
	t.Parallel()
	i := newInside(t, "")
	file := filepath.Join(i.dir, "keys")
	answers := func(status int) {
		t.Helper()
		for { // the test's own deadline is the patience
			answer := ask(t, http.MethodPost, i.url+"/widget/app/marks", person(t, "ann"), `{"read":1}`)
			if answer.StatusCode == status {
				return
			}
			if !slices.Contains([]int{http.StatusOK, http.StatusUnauthorized, http.StatusServiceUnavailable}, answer.StatusCode) {
				t.Fatalf("it answers %s", answer.Status)
			}
			pause(t.Context(), 600*time.Millisecond) // longer than from one mark of a person to the next
		}
	}
	change := func(text string) {
		t.Helper()
		check(t, os.WriteFile(file+".new", []byte(text), 0o600))
		check(t, os.Rename(file+".new", file))
	}
	answers(http.StatusOK)
	change("k2 HS256 " + productSecret + "\n")
	answers(http.StatusUnauthorized)
	change("k1 HS256 " + productSecret + "\nk2 HS256 " + productSecret + "\n")
	answers(http.StatusOK)
	change("k1 HS256 no\n")
	pause(t.Context(), 2*keysLook)
	answers(http.StatusOK)
}

// A break loses nothing and doubles nothing: who comes back with the id of what they have is sent no more until there is more.
func TestAStreamGoesOn(t *testing.T) {
	t.Parallel()
	i := newInside(t, "")
	i.say(-48*time.Hour, i.plan())
	first := tuneIn(t, i.url, person(t, "ann"))
	first.until(func(b box) bool { return len(b.Messages) == 1 })
	back := tuneIn(t, i.url, person(t, "ann"), "Last-Event-ID", first.id)
	if back.next("same"); len(back.box.Messages) > 0 {
		t.Error("what was told already came again")
	}
	i.say(0, maint.Cancelled{})
	back.until(func(b box) bool {
		return len(b.Messages) == 1 && strings.HasPrefix(b.Messages[0].Title, "Wartung abgesagt")
	})
	missed := tuneIn(t, i.url, person(t, "ann"), "Last-Event-ID", first.id)
	if missed.next("inbox"); missed.id != back.id {
		t.Errorf("who missed it has %s, and who did not has %s", missed.id, back.id)
	}
}

func TestMessagesAreForTheAudience(t *testing.T) {
	t.Parallel()
	i := newInside(t, `, to: {plan: [pro, team]}`)
	i.say(-48*time.Hour, i.plan())
	of := func(plan string) *device {
		return tuneIn(t, i.url, token(t, jwt.MapClaims{"sub": plan, "traits": map[string]any{"plan": plan}}))
	}
	of("pro").until(func(b box) bool { return len(b.Messages) == 1 })
	free := of("free")
	free.next("inbox")
	same(t, "free", len(free.box.Messages), 0)
}

func TestPostsAreReadAndFelt(t *testing.T) {
	t.Parallel()
	i := newInside(t, "")
	for _, name := range []string{"light", "dark"} {
		_, err := i.app.PostChange(t.Context(), say.Change{Name: name, Title: "A post", Text: "Text."})
		check(t, err)
	}
	phone := tuneIn(t, i.url, person(t, "ann"))
	phone.next("inbox")
	post := func(who, body string) string {
		t.Helper()
		answer := ask(t, http.MethodPost, i.url+"/widget/app/marks", person(t, who), body)
		text, err := io.ReadAll(answer.Body)
		check(t, err)
		return strings.TrimSpace(fmt.Sprint(answer.StatusCode, " ", string(text)))
	}
	var settled bool
	for !settled { // the server reads the record soon
		settled = post("ann", `{"read":2,"reactions":{"dark":"like","nothing":"like"}}`) == `200 {"reactions":{"dark":{"like":1}}}`
	}
	phone.until(func(b box) bool { return b.Read == 2 && b.Reactions["dark"] == "like" })
	same(t, "bob", post("bob", `{"reactions":{"dark":"like"}}`), `200 {"reactions":{"dark":{"like":2}}}`)
	same(t, "ann thinks again", post("ann", `{"reactions":{"dark":"love"}}`), `200 {"reactions":{"dark":{"like":1,"love":1}}}`)
	same(t, "ann takes it back", post("ann", `{"reactions":{"dark":""}}`), `200 {"reactions":{"dark":{"like":1}}}`)
	// Nobody has read what was not posted yet.
	same(t, "bob", post("bob", `{"read":99}`), `200 {"reactions":{}}`)
	bob := tuneIn(t, i.url, person(t, "bob"))
	bob.next("inbox")
	same(t, "read", bob.box.Read, int64(2))
}

// What a stranger, a page of another site, and somebody in a hurry are told.
func TestTheDoorOfTheWidget(t *testing.T) {
	t.Parallel()
	i := newInside(t, "")
	i.say(-48*time.Hour, i.plan())
	tuneIn(t, i.url, person(t, "ann")).next("inbox")
	ann := person(t, "ann")
	marks, stream := "/widget/app/marks", "/widget/app/stream"
	for _, tt := range []struct {
		name, method, path, token, body, origin string
		want                                    int
		allowed                                 string
	}{
		{"no token", "GET", stream, "", "", productOrigin, 401, productOrigin},
		{"a token that is none", "POST", marks, "x.y.z", "{}", productOrigin, 401, productOrigin},
		{"another site", "POST", marks, ann, "{}", "https://evil.example", 403, ""},
		{"a name that only begins so", "POST", marks, ann, "{}", productOrigin + ".evil.example", 403, ""},
		{"a page in a frame without an origin", "POST", marks, ann, "{}", "null", 403, ""},
		{"another product", "POST", "/widget/shop/marks", ann, "{}", productOrigin, 404, ""},
		{"a browser that asks first", "OPTIONS", marks, "", "", productOrigin, 204, productOrigin},
		{"a browser that asks first from elsewhere", "OPTIONS", marks, "", "", "https://evil.example", 403, ""},
		{"an unknown key", "POST", marks, ann, `{"admin":true}`, productOrigin, 400, productOrigin},
		{"two values", "POST", marks, ann, `{}{}`, productOrigin, 400, productOrigin},
		{"an unknown reaction", "POST", marks, ann, `{"reactions":{"dark":"💣"}}`, productOrigin, 400, productOrigin},
		{"less than nothing", "POST", marks, ann, `{"read":-1}`, productOrigin, 400, productOrigin},
		{"many", "POST", marks, ann, `{"seen":[` + strings.Repeat(`"a",`, 60) + `"a"]}`, productOrigin, 400, productOrigin},
		{"large", "POST", marks, ann, `{"seen":["` + strings.Repeat("a", 9000) + `"]}`, productOrigin, 413, productOrigin},
		{"a program", "POST", marks, ann, `{}`, "", 200, ""},
		{"well", "POST", marks, ann, `{}`, productOrigin, 200, productOrigin},
	} {
		var headers []string
		if tt.origin != "" {
			headers = []string{"Origin", tt.origin}
		}
		resp := ask(t, tt.method, i.url+tt.path, tt.token, tt.body, headers...)
		h := resp.Header
		same(t, tt.name, []any{resp.StatusCode, h.Get("Access-Control-Allow-Origin"), h.Get("Access-Control-Allow-Credentials"), h.Get("Cache-Control")}, []any{tt.want, tt.allowed, "", "no-store"})
	}
	slow := false
	for range 200 {
		resp := ask(t, http.MethodPost, i.url+marks, ann, "{}")
		if slow = resp.StatusCode == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != ""; slow {
			break
		}
	}
	if !slow {
		t.Error("200 requests at once of one person were all answered")
	}
	same(t, "another person meanwhile", ask(t, http.MethodPost, i.url+marks, person(t, "bob"), "{}").StatusCode, http.StatusOK)
	counts := ask(t, http.MethodGet, i.url+"/widget/reactions.json", "", "", "Origin", "https://anyone.example")
	same(t, "counts for anyone", []any{counts.StatusCode, counts.Header.Get("Access-Control-Allow-Origin")}, []any{200, "*"})
}

// A stream ends when its token does.
func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	i := newInside(t, "")
	d := tuneIn(t, i.url, token(t, jwt.MapClaims{"sub": "ann", "exp": time.Now().Add(-28 * time.Second).Unix()}))
	if _, err := io.ReadAll(d.rd); err != nil {
		t.Errorf("the stream did not end well: %v", err)
	}
}
