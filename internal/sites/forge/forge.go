// Package forge proposes changes where a repository is kept: pull requests at GitHub and Gitea, merge requests at
// GitLab, by their documented HTTP interfaces.
//
// It must not know what is proposed. The client that it is given decides which addresses may be reached.
package forge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// The kinds of forges.
const (
	GitHub = "github"
	GitLab = "gitlab"
	Gitea  = "gitea"
)

// Kinds lists them, for messages and checks.
var Kinds = []string{GitHub, GitLab, Gitea}

// Forge is one project at a forge.
type Forge struct {
	Kind    string
	API     string // "https://api.github.com", "https://gitlab.example.com/api/v4", "https://gitea.example.com/api/v1"; no slash at its end
	Project string // "acme/www"
	// Token is read when it is needed, so that a new one in the file is used at once.
	Token  func() (string, error)
	Client *http.Client
}

// Proposal is a branch that asks to be merged into another one.
type Proposal struct{ Branch, Base, Title, Body string }

// Request is a proposal that is open.
type Request struct {
	Number int
	URL    string // for people
}

// Propose opens a request for the proposal, unless one is open.
func (f Forge) Propose(ctx context.Context, p Proposal) (r Request, made bool, err error) {
	if r, err := f.find(ctx, p); err != nil || r != nil {
		return orNone(r), false, err
	}
	path, body := "/repos/"+f.Project+"/pulls", map[string]any{"title": p.Title, "body": p.Body, "head": p.Branch, "base": p.Base}
	if f.Kind == GitLab {
		path = f.gitlab("")
		body = map[string]any{"title": p.Title, "description": p.Body, "source_branch": p.Branch, "target_branch": p.Base, "remove_source_branch": true}
	}
	var out answer
	switch err := f.do(ctx, http.MethodPost, path, body, &out, http.StatusCreated); {
	case err == nil:
		return out.request(), true, nil
	case status(err) != http.StatusConflict && status(err) != http.StatusUnprocessableEntity && status(err) != 0:
		return Request{}, false, err
	default: // somebody was quicker, or the answer was lost: only looking tells
		r, again := f.find(ctx, p)
		if again != nil || r == nil {
			return Request{}, false, errors.Join(err, again)
		}
		return *r, true, nil
	}
}

// Withdraw closes the request for a proposal, if one is open.
func (f Forge) Withdraw(ctx context.Context, p Proposal) (done bool, err error) {
	r, err := f.find(ctx, p)
	if err != nil || r == nil {
		return false, err
	}
	if f.Kind == GitLab {
		return true, f.do(ctx, http.MethodPut, f.gitlab(fmt.Sprintf("/%d", r.Number)), map[string]any{"state_event": "close"}, nil, http.StatusOK)
	}
	ok := http.StatusOK
	if f.Kind == Gitea {
		ok = http.StatusCreated
	}
	return true, f.do(ctx, http.MethodPatch, fmt.Sprintf("/repos/%s/pulls/%d", f.Project, r.Number), map[string]any{"state": "closed"}, nil, ok)
}

// answer is what the forges say of a request, each in its own words.
type answer struct {
	Number  int    `json:"number"`
	IID     int    `json:"iid"` // GitLab's number within the project
	HTMLURL string `json:"html_url"`
	WebURL  string `json:"web_url"`
	State   string `json:"state"`
}

func (a answer) request() Request { return Request{max(a.Number, a.IID), a.HTMLURL + a.WebURL} }

func orNone(r *Request) Request {
	if r == nil {
		return Request{}
	}
	return *r
}

// find looks for an open request; nil is none.
func (f Forge) find(ctx context.Context, p Proposal) (*Request, error) {
	var list []answer
	var err error
	switch f.Kind {
	case GitLab:
		q := url.Values{"state": {"opened"}, "source_branch": {p.Branch}, "target_branch": {p.Base}}
		err = f.do(ctx, http.MethodGet, f.gitlab("")+"?"+q.Encode(), nil, &list, http.StatusOK)
	case GitHub:
		owner, _, _ := strings.Cut(f.Project, "/")
		q := url.Values{"state": {"open"}, "head": {owner + ":" + p.Branch}, "base": {p.Base}}
		err = f.do(ctx, http.MethodGet, "/repos/"+f.Project+"/pulls?"+q.Encode(), nil, &list, http.StatusOK)
	case Gitea: // the newest one of the two branches, open or not
		var one answer
		err = f.do(ctx, http.MethodGet, "/repos/"+f.Project+"/pulls/"+url.PathEscape(p.Base)+"/"+url.PathEscape(p.Branch), nil, &one, http.StatusOK)
		if status(err) == http.StatusNotFound || err == nil && one.State != "open" {
			return nil, nil
		}
		list = []answer{one}
	default:
		return nil, fmt.Errorf("there is no forge of the kind %q", f.Kind)
	}
	if err != nil || len(list) == 0 {
		return nil, err
	}
	r := list[0].request()
	return &r, nil
}

func (f Forge) gitlab(rest string) string {
	return "/projects/" + url.PathEscape(f.Project) + "/merge_requests" + rest
}

// refusal is an answer that was not what was hoped for.
type refusal struct {
	forge, what string
	code        int
	said        string
}

func (r *refusal) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("%s answered %d to %s: %s", r.forge, r.code, r.what, r.said), ": ")
}

func status(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.code
	}
	return 0
}

const mostAnswer = 1 << 20

func (f Forge) do(ctx context.Context, method, path string, body, into any, want int) error {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, f.API+path, in)
	if err != nil {
		return err
	}
	if err := f.sign(req); err != nil {
		return err
	}
	resp, err := f.Client.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", f.Kind, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", f.Kind, err)
	}
	if resp.StatusCode != want {
		return f.refused(method, path, resp.StatusCode, data)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return hint.Errorf("is the address of its API right?", "%s answered something that is no JSON", f.Kind)
	}
	return nil
}

func (f Forge) sign(req *http.Request) error {
	token, err := f.Token()
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "Lull")
	req.Header.Set("Content-Type", "application/json")
	switch f.Kind {
	case GitHub:
		req.Header.Set("Accept", "application/vnd.github+json")
		req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
		req.Header.Set("Authorization", "Bearer "+token)
	case GitLab:
		req.Header.Set("PRIVATE-TOKEN", token)
	case Gitea:
		req.Header.Set("Accept", "application/json")
		req.Header.Set("Authorization", "token "+token)
	}
	return nil
}

func (f Forge) refused(method, path string, code int, data []byte) error {
	var said struct{ Message, Error any }
	_ = json.Unmarshal(data, &said) // what is no JSON says nothing to a person
	text := ""
	for _, v := range []any{said.Message, said.Error} {
		if v != nil && text == "" {
			text = strings.ToValidUTF8(fmt.Sprint(v), "")
		}
	}
	path, _, _ = strings.Cut(path, "?")
	err := &refusal{f.Kind, method + " " + path, code, text[:min(len(text), 300)]}
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return hint.Wrap(err, "give it a token that may write pull requests of "+f.Project+", in token_file")
	case http.StatusNotFound:
		return hint.Wrap(err, "correct `project` or `api`; a token that may not see the project has the same answer")
	}
	return hint.Wrap(err, "see why, then type the same command again")
}
