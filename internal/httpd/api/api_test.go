package api

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/view"
)

func TestNeighbourhood(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.7:40123":                      "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:40123":         "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff:ffff:ffff:ffff]:1": "2001:db8:1:2::/64",
		"[::ffff:192.0.2.7]:40123":             "192.0.2.7",
		"[fe80::1%eth0]:40123":                 "fe80::/64",
		"@":                                    "@",
		"a socket":                             "a socket",
	} {
		if got := auth.Caller(remote, nil, 0); got != want {
			t.Errorf("%s is counted as %s, want %s", remote, got, want)
		}
	}
}

// The words that the document lists are those that the domain knows: none is missing, none is made up.
func TestWordsAreTheDomains(t *testing.T) {
	t.Parallel()
	known := map[string][]string{
		"impact":   words(maint.Impacts),
		"severity": words(maint.Severities),
		"asked":    words(maint.IncidentStatuses),
		"told":     words(append(slices.Clone(maint.IncidentStatuses), maint.PostMortem)),
		"state":    words([]maint.State{maint.StateScheduled, maint.InProgress, maint.StateVerifying, maint.StateCompleted, maint.StateCancelled}),
	}
	for place, kind := range map[string]string{
		"Affected.impact": "impact", "Component.status": "impact", "SetComponentBody.status": "impact",
		"Incident.severity": "severity", "OpenIncidentBody.severity": "severity", "UpdateIncidentBody.severity": "severity",
		"OpenIncidentBody.status": "asked", "UpdateIncidentBody.status": "asked", "Incident.status": "told", "Update.status": "told",
		"Maintenance.state": "state",
	} {
		if diff := cmp.Diff(known[kind], enum(t, place)); diff != "" {
			t.Errorf("%s (-domain +document):\n%s", place, diff)
		}
	}
}

func words[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	slices.Sort(out)
	return out
}

// enum is what the document allows at a place, in order.
func enum(t *testing.T, place string) []string {
	t.Helper()
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Enum []string }
			}
		}
	}
	_, asJSON := New(Options{}).Document()
	if err := json.Unmarshal(asJSON, &document); err != nil {
		t.Fatal(err)
	}
	schema, property, _ := strings.Cut(place, ".")
	out := document.Components.Schemas[schema].Properties[property].Enum
	slices.Sort(out)
	return out
}

// An operation that asks for no scope is a mistake, and nobody gets at it.
func TestOperationsWithoutAScopeAreClosed(t *testing.T) {
	t.Parallel()
	for _, security := range [][]map[string][]string{nil, {}, {{}}, {{bearer: nil}}, {{bearer: {"read", "changes"}}}, {{bearer: {"read"}}, {}}} {
		if scope, ok := scopeOf(&huma.Operation{Security: security}); ok {
			t.Errorf("%v is open to %s", security, scope)
		}
	}
	if scope, ok := scopeOf(&huma.Operation{Security: []map[string][]string{{bearer: {"read"}}}}); !ok || scope != auth.Read {
		t.Errorf("read is taken for %s", scope)
	}
}

func FuzzStrict(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[{"c":1}]}}`))
	f.Add([]byte(`{"A":1}`))
	f.Add([]byte("{\"\u017ftatus\":1}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		if strict(data, &v) != nil {
			return
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := strict(again, &v); err != nil {
			t.Errorf("%s was read, and %s is not: %v", data, again, err)
		}
	})
}

func TestWhatIsNotThereIsSaidInJSON(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	New(Options{}).ServeHTTP(w, httptest.NewRequest("PATCH", Root+"/changes/a", nil))
	if w.Code != 405 || w.Header().Get("Content-Type") != problemType || w.Header().Get("Allow") == "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// A status page below a path of its own names no address of the API without it.
func TestAddressesKeepTheBasePath(t *testing.T) {
	t.Parallel()
	const base = "https://example.com/status"
	a := New(Options{URL: base, Record: nothing{}})
	_, document := a.Document()
	refused, err := a.ownProblem(nil, "", &huma.ErrorModel{Status: 422, Errors: []*huma.ErrorDetail{{Message: "m"}}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", Root+"/nowhere", nil))
	for what, text := range map[string]string{
		"the document": string(document), "what huma refuses": refused.(*Problem).Hint, "what is not there": w.Body.String(),
		"an unknown component": a.listed(t.Context(), "none").(*Problem).Hint,
	} {
		if n := strings.Count(text, Root); n == 0 || n != strings.Count(text, base+Root) {
			t.Errorf("%s names an address without the base path: %s", what, text)
		}
	}
}

// nothing is a record without an entry.
type nothing struct{ Record }

func (nothing) Page(context.Context) (view.PageModel, error) { return view.PageModel{}, nil }
