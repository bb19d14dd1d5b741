package forge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/hint"
)

// documented is a forge that takes requests in the form of its documentation alone, and keeps what was opened:
// docs.github.com/rest/pulls, docs.gitlab.com/api/merge_requests, docs.gitea.com (swagger: repoCreatePullRequest,
// repoGetPullRequestByBaseHead, repoEditPullRequest).
type documented struct {
	t      *testing.T
	kind   string
	open   map[string]bool // "base/branch"
	made   int
	break1 bool // the next creation is done, and its answer is lost
}

const token = "s3cret"

var proposal = Proposal{Branch: "lull/banner-on-pg17", Base: "main", Title: "Switch the maintenance banner on", Body: "Words"}

func (d *documented) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := proposal.Base + "/" + proposal.Branch
	auth := map[string]string{GitHub: r.Header.Get("Authorization"), Gitea: r.Header.Get("Authorization"), GitLab: r.Header.Get("PRIVATE-TOKEN")}[d.kind]
	want := map[string]string{GitHub: "Bearer " + token, Gitea: "token " + token, GitLab: token}[d.kind]
	if auth != want {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"message": "Bad credentials"}`)
		return
	}
	if d.kind == GitHub && (r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28") {
		d.t.Errorf("headers %v", r.Header)
	}
	var body map[string]any
	data, _ := io.ReadAll(r.Body)
	if len(data) > 0 {
		if err := json.Unmarshal(data, &body); err != nil || r.Header.Get("Content-Type") != "application/json" {
			d.t.Errorf("body %s: %v", data, err)
		}
	}
	one := map[string]string{
		GitHub: `{"number": 7, "html_url": "https://github.example/acme/www/pull/7", "state": "open"}`,
		Gitea:  `{"number": 7, "html_url": "https://gitea.example/acme/www/pulls/7", "state": "open"}`,
		GitLab: `{"iid": 7, "web_url": "https://gitlab.example/acme/www/-/merge_requests/7", "state": "opened"}`,
	}[d.kind]
	route := r.Method + " " + r.URL.EscapedPath()
	q := r.URL.Query()
	list := func() {
		if d.open[key] {
			fmt.Fprintf(w, "[%s]", one)
			return
		}
		fmt.Fprint(w, "[]")
	}
	switch route {
	case "GET /repos/acme/www/pulls":
		if q.Get("head") != "acme:"+proposal.Branch || q.Get("base") != "main" || q.Get("state") != "open" {
			d.t.Errorf("query %v", q)
		}
		list()
	case "GET /projects/acme%2Fwww/merge_requests":
		if q.Get("source_branch") != proposal.Branch || q.Get("target_branch") != "main" || q.Get("state") != "opened" {
			d.t.Errorf("query %v", q)
		}
		list()
	case "GET /repos/acme/www/pulls/main/lull%2Fbanner-on-pg17":
		if !d.open[key] {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, one)
	case "POST /repos/acme/www/pulls":
		d.create(w, one, key, body["head"] == proposal.Branch && body["base"] == "main" && body["title"] == proposal.Title && body["body"] == "Words")
	case "POST /projects/acme%2Fwww/merge_requests":
		d.create(w, one, key, body["source_branch"] == proposal.Branch && body["target_branch"] == "main" && body["title"] == proposal.Title && body["description"] == "Words")
	case "PATCH /repos/acme/www/pulls/7":
		d.close(w, key, body["state"] == "closed")
	case "PUT /projects/acme%2Fwww/merge_requests/7":
		d.close(w, key, body["state_event"] == "close")
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message": "Not Found"}`)
	}
}

func (d *documented) create(w http.ResponseWriter, one, key string, right bool) {
	switch {
	case !right:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"message": "wrong fields"}`)
	case d.open[key]:
		w.WriteHeader(map[string]int{GitHub: 422, GitLab: 409, Gitea: 409}[d.kind])
		fmt.Fprint(w, `{"message": ["there is one"]}`)
	default:
		d.open[key] = true
		d.made++
		if d.break1 {
			d.break1 = false
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, one)
	}
}

func (d *documented) close(w http.ResponseWriter, key string, right bool) {
	if !right || !d.open[key] {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	d.open[key] = false
	if d.kind == Gitea {
		w.WriteHeader(http.StatusCreated)
	}
	fmt.Fprint(w, "{}")
}

func TestForges(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := &documented{t: t, kind: kind, open: map[string]bool{}, break1: true}
			srv := httptest.NewServer(d)
			defer srv.Close()
			secret := token
			f := Forge{Kind: kind, API: srv.URL, Project: "acme/www", Token: func() (string, error) { return secret, nil }, Client: srv.Client()}
			r, made, err := f.Propose(t.Context(), proposal) // its answer is lost, and it is there
			if err != nil || !made || r.Number != 7 || !strings.Contains(r.URL, "/7") {
				t.Fatalf("%+v, %v, %v", r, made, err)
			}
			if again, made, err := f.Propose(t.Context(), proposal); err != nil || made || again != r {
				t.Errorf("the second time: %+v, %v, %v", again, made, err)
			}
			for n, want := range []bool{true, false} {
				if done, err := f.Withdraw(t.Context(), proposal); err != nil || done != want {
					t.Errorf("withdrawn %d: %v, %v", n, done, err)
				}
			}
			if d.made != 1 {
				t.Errorf("%d were opened", d.made)
			}
			secret = "wrong"
			_, _, err = f.Propose(t.Context(), proposal)
			if err == nil || !strings.Contains(err.Error(), "401") || !strings.Contains(hint.Of(err), "token") || strings.Contains(err.Error(), "wrong") {
				t.Errorf("got %v (%s)", err, hint.Of(err))
			}
			f.Token = func() (string, error) { return "", errors.New("no such file") }
			if _, _, err = f.Propose(t.Context(), proposal); err == nil {
				t.Error("no error without a token")
			}
			f.Token, f.Project = func() (string, error) { return token, nil }, "acme/other"
			if _, _, err := f.Propose(t.Context(), proposal); err == nil || !strings.Contains(hint.Of(err), "project") {
				t.Errorf("got %v (%s)", err, hint.Of(err))
			}
		})
	}
}
