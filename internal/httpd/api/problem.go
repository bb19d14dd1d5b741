package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
	"github.com/lullhq/lull/internal/timeline"
)

// Problem is an answer that is no (RFC 9457, without a type of its own: "about:blank").
type Problem struct {
	Title  string  `json:"title" doc:"The status in words"`
	Status int     `json:"status" doc:"The HTTP status"`
	Detail string  `json:"detail,omitempty" doc:"What is wrong"`
	Hint   string  `json:"hint,omitempty" doc:"What to do or change next"`
	Errors []Fault `json:"errors,omitempty" nullable:"false" doc:"Each thing that is wrong, and where"`

	header http.Header
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Location string `json:"location,omitempty" doc:"Of a JSON request: where, such as body.title"`
	Line     int    `json:"line,omitempty" doc:"Of a plan: the line, from 1"`
	Column   int    `json:"column,omitempty" doc:"Of a plan: the column, from 1"`
	Text     string `json:"text" doc:"What is wrong"`
	Hint     string `json:"hint,omitempty" doc:"What to write instead"`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.header }

const problemType = "application/problem+json"

// ContentType implements huma.ContentTypeFilter.
func (*Problem) ContentType(string) string { return problemType }

func newProblem(status int, detail, next string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Hint: next}
}

// with adds a header to the answer.
func (p *Problem) with(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Add(name, value)
	return p
}

func tooMany(detail string, wait time.Duration) *Problem {
	seconds := strconv.Itoa(int(max(time.Second, wait.Round(time.Second)).Seconds()))
	return newProblem(http.StatusTooManyRequests, detail, "wait "+seconds+" seconds").with("Retry-After", seconds)
}

// problem says what an error means to whoever asked. What nobody said no to went wrong here: its
// words are for the log.
func (a *API) problem(ctx context.Context, operation string, err error) *Problem {
	var known *Problem
	var plan say.Problems
	var refused *maint.Refusal
	status := http.StatusInternalServerError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &plan):
		return planProblem(plan)
	case errors.Is(err, maint.ErrUnknownMaintenance), errors.Is(err, maint.ErrUnknownIncident), errors.Is(err, maint.ErrUnknownChange):
		status = http.StatusNotFound
	case errors.Is(err, say.ErrMoved):
		status = http.StatusPreconditionFailed
	case errors.Is(err, maint.ErrState), errors.Is(err, timeline.ErrConflict):
		status = http.StatusConflict
	case errors.Is(err, say.ErrKeyUsed), errors.As(err, &refused):
		status = http.StatusUnprocessableEntity
	default:
		a.opts.Log.ErrorContext(ctx, "a request of the API failed", "operation", operation, "error", err)
		return newProblem(status, "something went wrong here", "try again; whoever runs this server finds the reason in its log")
	}
	return newProblem(status, err.Error(), hint.Of(err))
}

func planProblem(plan say.Problems) *Problem {
	p := newProblem(http.StatusUnprocessableEntity, plan.Error(), "correct the plan, and send it again")
	for _, x := range plan {
		p.Errors = append(p.Errors, Fault{Line: x.Line, Column: x.Column, Text: x.Text, Hint: x.Hint})
	}
	return p
}

// ownProblem makes one of what huma itself refuses. It leaves out the values, which may be large and secret.
func (a *API) ownProblem(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := newProblem(m.Status, m.Detail, "")
	if m.Status >= http.StatusInternalServerError {
		return p, nil
	}
	for _, e := range m.Errors {
		if e != nil {
			p.Errors = append(p.Errors, Fault{Location: e.Location, Text: e.Message})
		}
	}
	if len(p.Errors) > 0 {
		p.Hint = "compare with " + a.at("/openapi.yaml")
	}
	return p, nil
}

func (a *API) problemResponse() *huma.Response {
	return &huma.Response{
		Description: "A problem",
		Content:     map[string]*huma.MediaType{problemType: {Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")}},
	}
}

// missing answers for an address, or a method, that is not there. h knows which of both.
func (a *API) missing(w http.ResponseWriter, r *http.Request, h http.Handler) {
	seen := &statusOnly{header: http.Header{}}
	h.ServeHTTP(seen, r)
	p := newProblem(http.StatusNotFound, "there is nothing at this address", "the addresses are in "+a.at("/openapi.yaml"))
	if seen.status == http.StatusMethodNotAllowed {
		p = newProblem(seen.status, fmt.Sprintf("%s is not possible here", r.Method), "possible is: "+seen.header.Get("Allow")).with("Allow", seen.header.Get("Allow"))
	}
	write(w, p)
}

// write sends a problem that no operation had.
func write(w http.ResponseWriter, p *Problem) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the reader has gone: nobody to tell
}

// statusOnly keeps what the standard library would answer, without the words.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
