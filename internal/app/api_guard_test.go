package app

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/httpd/api"
	"github.com/lullhq/lull/internal/maint"
)

const documentFile = "../../docs/openapi.yaml"

// The document beside the documentation is the one that the server gives out.
func TestAPIDocumentIsCurrent(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	got := r.ask("", "GET", "/openapi.yaml", "")
	r.want(got, 200)
	if *update {
		check(t, os.WriteFile(documentFile, got.body, 0o644))
	}
	want, err := os.ReadFile(documentFile)
	check(t, err)
	if diff := cmp.Diff(string(want), string(got.body)); diff != "" {
		t.Errorf("go test ./internal/app -run TestAPIDocument -update writes it anew (-file +server):\n%s", diff)
	}
	if got := r.want(r.ask("", "GET", "/openapi.json", ""), 200); got["openapi"] != "3.1.0" {
		t.Errorf("%v", got["openapi"])
	}
}

// described is what the document says of one operation.
type described struct {
	method, path string
	OperationID  string                `json:"operationId"`
	Security     []map[string][]string `json:"security"`
	Parameters   []struct{ Name, In string }
	RequestBody  *struct{ Content map[string]any }
}

func operations(t *testing.T, r *remote) (out []described) {
	t.Helper()
	var document struct {
		Paths map[string]map[string]described
	}
	check(t, json.Unmarshal(r.ask("", "GET", "/openapi.json", "").body, &document))
	for path, methods := range document.Paths {
		for method, op := range methods {
			op.method, op.path = strings.ToUpper(method), path
			out = append(out, op)
		}
	}
	if len(out) < 15 {
		t.Fatalf("only %d operations are described", len(out))
	}
	return out
}

// Every operation that is described, with a token of every scope: it is let in or refused as the
// scope says, and nobody without a token is. A new operation without a scope fails here.
func TestAPIScopes(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	for _, op := range operations(t, r) {
		if len(op.Security) != 1 || len(op.Security[0]["bearer"]) != 1 {
			t.Errorf("%s asks for no scope: %v", op.OperationID, op.Security)
			continue
		}
		need := auth.Scope(op.Security[0]["bearer"][0])
		path := strings.NewReplacer("{id}", "x", "{name}", "x").Replace(op.path)
		none := r.ask("", op.method, path, "{}")
		if none.code != http.StatusUnauthorized || none.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s without a token answered %d", op.OperationID, none.code)
		}
		for _, have := range auth.Scopes {
			got := r.ask(have, op.method, path, "{}")
			allowed := auth.Token{Scopes: []auth.Scope{have}}.Allows(need)
			if refused := got.code == http.StatusForbidden; refused == allowed || got.code == http.StatusUnauthorized || got.code >= 500 {
				t.Errorf("%s with %s answered %d: %s", op.OperationID, have, got.code, got.body)
			}
			if allowed {
				continue
			}
			if challenge := got.header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="insufficient_scope"`) || !strings.Contains(challenge, string(need)) {
				t.Errorf("%s with %s is told %q", op.OperationID, have, challenge)
			}
		}
	}
	if entries, err := r.app.store.Read(t.Context(), 0, 10); err != nil || len(entries) != 0 {
		t.Errorf("something was said: %v, %v", entries, err)
	}
}

func TestAPITokensEnd(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	issued, err := r.app.CreateToken(t.Context(), "short", []auth.Scope{auth.Read}, time.Hour)
	check(t, err)
	r.tokens["short"] = issued.Secret
	r.want(r.ask("short", "GET", "/components", ""), 200)
	list, err := r.app.Tokens(t.Context())
	check(t, err)
	for _, x := range list {
		if used := x.Name == "short"; used == x.Used.IsZero() {
			t.Errorf("%s was last used %s", x.Name, x.Used)
		}
	}
	r.now = r.now.Add(time.Hour)
	r.want(r.ask("short", "GET", "/components", ""), 401)
	r.want(r.ask(auth.Read, "GET", "/components", ""), 200)
	check(t, r.app.RevokeToken(t.Context(), "read"))
	got := r.ask(auth.Read, "GET", "/components", "")
	r.want(got, 401)
	if !strings.Contains(got.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("told %q", got.header.Get("WWW-Authenticate"))
	}
	basic := r.ask("", "GET", "/components", "", "Authorization", "Basic "+issued.Secret)
	r.want(basic, 401)
	r.want(r.ask("", "GET", "/components?token="+issued.Secret, ""), 401)
}

func TestAPISlowsDown(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	_, wrong, err := auth.Issue("wrong", []auth.Scope{auth.Read}, r.now, time.Time{})
	check(t, err)
	r.want(r.ask(auth.Read, "GET", "/components", ""), 200)
	last := reply{}
	for range 100 {
		if last = r.ask("", "GET", "/components", "", "Authorization", "Bearer "+wrong.Reveal()); last.code == http.StatusTooManyRequests {
			break
		}
	}
	if last.code != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" {
		t.Errorf("a hundred guesses: %d", last.code)
	}
	r.want(r.ask(auth.Read, "GET", "/components", ""), 200)
	for range 100 {
		if last = r.ask(auth.Components, "DELETE", "/components/app/status", ""); last.code == http.StatusTooManyRequests {
			break
		}
	}
	if last.code != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" {
		t.Errorf("a hundred writes: %d", last.code)
	}
	r.want(r.ask(auth.Incidents, "POST", "/incidents", `{"name":"a","title":"A","text":"A."}`), 201)
}

// What is refused says in which way, as problem details, and repeats nothing of what was sent.
func TestAPIRefusals(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	for _, tt := range []struct {
		name, method, path, body string
		code                     int
		says                     string
	}{
		{"an unknown key", "POST", "/incidents", `{"name":"a","title":"A","text":"hunter2","admin":true}`, 422, "body.admin"},
		{"a key in other letters", "POST", "/incidents", `{"name":"a","title":"A","Title":"hunter2","text":"A."}`, 400, `unknown key \"Title\"`},
		{"a key that folds to another", "POST", "/incidents", `{"name":"a","title":"A","ſtatus":"hunter2","text":"A."}`, 400, "unknown key"},
		{"something missing", "POST", "/incidents", `{"name":"a","title":"A"}`, 422, "text"},
		{"nothing", "POST", "/incidents", ``, 400, "body is required"},
		{"no JSON", "POST", "/incidents", `{"name":"hunter2`, 400, "body"},
		{"more than one", "POST", "/incidents", `{"name":"a","title":"A","text":"A."}{}`, 400, "body"},
		{"an unknown status", "POST", "/incidents", `{"name":"a","title":"A","text":"A.","status":"hunter2"}`, 422, "body.status"},
		{"a title of two lines", "POST", "/incidents", `{"name":"a","title":"A\nhunter2","text":"A."}`, 422, "body.title"},
		{"an unknown component", "POST", "/incidents", `{"name":"a","title":"A","text":"A.","components":{"b":"major_outage"}}`, 422, "say one of: app, sites"},
		{"an unknown impact", "POST", "/incidents", `{"name":"a","title":"A","text":"A.","components":{"app":"broken"}}`, 422, "is not an impact"},
		{"in the future", "POST", "/incidents", `{"name":"a","title":"A","text":"A.","began":"2027-01-01T00:00:00Z"}`, 422, "future"},
		{"only blanks", "POST", "/incidents", `{"name":"a","title":" ","text":"A."}`, 422, "needs a title"},
		{"an unknown incident", "POST", "/incidents/none/updates", `{"text":"A."}`, 404, "no such incident"},
		{"too large", "POST", "/incidents", `{"name":"a","title":"A","text":"` + strings.Repeat("hunter2 ", 40_000) + `"}`, 413, "too large"},
		{"no address", "POST", "/nowhere", `{}`, 404, "nothing at this address"},
		{"no method", "DELETE", "/incidents", ``, 405, "GET, HEAD, POST"},
		{"beside it", "GET", "/incidents/a/b/c", ``, 404, "openapi.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := r.ask(auth.Incidents, tt.method, tt.path, tt.body)
			if got.code != tt.code || got.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(string(got.body), tt.says) {
				t.Errorf("%d %s: %s", got.code, got.header.Get("Content-Type"), got.body)
			}
			if strings.Contains(string(got.body), "hunter2") {
				t.Errorf("it is repeated: %s", got.body)
			}
			var p api.Problem
			if err := json.Unmarshal(got.body, &p); err != nil || p.Status != tt.code || p.Title != http.StatusText(tt.code) || p.Hint == "" && len(p.Errors) == 0 && p.Detail == "" {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	if entries, err := r.app.store.Read(t.Context(), 0, 10); err != nil || len(entries) != 0 {
		t.Errorf("something was said: %v, %v", entries, err)
	}
}

// Whatever is recorded: a token that may read what the page shows learns no word of a private event.
func TestAPIPrivateWordsStayPrivate(t *testing.T) {
	t.Parallel()
	const secret = "XYZZY-PRIVATE"
	announced := maint.Scheduled{Title: "T", Summary: "S", Window: maint.Window{Start: "2026-12-05 17:00", Zone: "Pacific/Auckland", Allow: time.Hour}}
	event := rapid.Custom(func(t *rapid.T) maint.Event {
		words := rapid.StringMatching(`[a-z <&"]{1,20}`).Draw(t, "words")
		return rapid.SampledFrom([]maint.Event{
			announced, maint.Rescheduled{Scheduled: announced, Text: words}, maint.Started{Text: words}, maint.Updated{Text: words}, maint.Extended{Window: announced.Window, Text: words}, maint.Completed{Text: words},
			maint.StepStarted{Step: secret, Title: secret}, maint.StepFinished{Title: secret, Evidence: secret}, maint.StepUndone{Title: secret},
			maint.StepFailed{Title: secret, Error: secret, Hint: secret}, maint.Resumed{Text: secret}, maint.Noted{Step: secret, Text: secret, Figures: maint.Figures{secret: 1}},
			maint.Fenced{Step: secret, Refused: []string{secret}},
		}).Draw(t, "event")
	})
	r := newRemote(t)
	for seed := range 12 { // few, because each of them waits for the disk
		for _, e := range rapid.SliceOfN(event, 1, 12).Example(seed) {
			r.say([]maint.ID{"one", "two", maint.IncidentID("one")}[seed%3], e)
		}
		r.now = r.now.Add(time.Minute) // or the token would have to wait
		for _, path := range []string{"/status", "/maintenances", "/maintenances/one", "/maintenances/two", "/incidents", "/incidents/one", "/components", "/changes", "/timeline?limit=500"} {
			if got := r.ask(auth.Read, "GET", path, ""); strings.Contains(string(got.body), secret) {
				t.Fatalf("a private word is in %s:\n%s", path, got.body)
			}
		}
	}
	if got := r.ask(auth.ReadPrivate, "GET", "/record?limit=500", ""); !strings.Contains(string(got.body), secret) {
		t.Error("the operator does not see it either")
	}
}

// No request, whatever is in it, is answered with an error of the server's own.
func FuzzAPIRequests(f *testing.F) {
	r := newRemote(f)
	r.say("new-racks", maint.Scheduled{Title: "T", Summary: "S", Window: maint.Window{Start: "2026-12-05 17:00", Zone: "UTC", Allow: time.Hour}})
	all, err := r.app.CreateToken(f.Context(), "all", auth.Scopes, 0)
	check(f, err)
	r.tokens["all"] = all.Secret
	ways := [][2]string{
		{"POST", "/incidents"}, {"POST", "/incidents/a/updates"}, {"PUT", "/incidents/a/postmortem"}, {"PUT", "/components/app/status"},
		{"PUT", "/changes/a"}, {"DELETE", "/changes/a"}, {"POST", "/maintenances"}, {"POST", "/maintenances/new-racks/cancel"},
	}
	for i := range ways {
		f.Add(uint8(i), `{"name":"a","title":"A","text":"A.","components":{"app":"major_outage"},"status":"monitoring"}`, "k", `"1"`)
		f.Add(uint8(i), thePlan, "", "")
		f.Add(uint8(i), `[[{"a":null}]]`, "#", "W/")
	}
	f.Fuzz(func(t *testing.T, which uint8, body, key, tag string) {
		r.now = r.now.Add(time.Second) // or the token would have to wait
		way := ways[int(which)%len(ways)]
		kind := "application/json"
		if way[1] == "/maintenances" {
			kind = "application/yaml"
		}
		headers := []string{"Content-Type", kind}
		for name, value := range map[string]string{"Idempotency-Key": key, "If-Match": tag} {
			if !strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }) { // no client sends others
				headers = append(headers, name, value)
			}
		}
		here := *r
		here.t = t
		got := here.ask("all", way[0], way[1], body, headers...)
		if got.code >= 500 || !json.Valid(got.body) {
			t.Errorf("%s %s answered %d: %s", way[0], way[1], got.code, got.body)
		}
	})
}

// The token is nowhere in the store's files, also after it was used.
func TestAPITokensAreNotInTheStore(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	r.want(r.ask(auth.Incidents, "POST", "/incidents", `{"name":"a","title":"A","text":"A."}`, "Idempotency-Key", "k"), 201)
	files, err := filepath.Glob(r.app.Config.Store.File + "*")
	check(t, err)
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		check(t, err)
		for scope, secret := range r.tokens {
			if strings.Contains(string(content), secret[len("lull_"):30]) {
				t.Errorf("the token for %s is in %s", scope, filepath.Base(file))
			}
		}
	}
}
