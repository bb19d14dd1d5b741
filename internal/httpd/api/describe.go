package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const bearer = "bearer"

const about = "What `lull` does on the machine, for programs elsewhere. Read what the status page shows, tell of incidents, set components, " +
	"keep the change log, announce and cancel maintenances. Nothing here moves a database: `lull run`, `rehearse`, `rollback` and `finish` are for the machine itself.\n\n" +
	"Make a token with `lull token create`, and send it as `Authorization: Bearer lull_…`. Errors are problem details (RFC 9457) with a `hint`."

// configuration has nothing of huma's own pages: its documentation page loads scripts from elsewhere.
func (a *API) configuration() huma.Config {
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: strict}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Lull", Version: "1", Description: about},
			Servers: []*huma.Server{{URL: a.at("")}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					bearer: {Type: "http", Scheme: "bearer", Description: "A token of `lull token create`. What it must allow is named by each operation."},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{a.ownProblem},
	}
}

// schemaName calls a type in the document what it is called here, with a capital letter.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	return strings.ToUpper(name[:1]) + name[1:]
}

// strict reads JSON whose keys are spelt as they are documented. encoding/json takes a key in
// any case and the last one of several, and what checks the request may have seen another.
func strict(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	parsed, ok := v.(*any)
	if !ok {
		return nil
	}
	return spelt(*parsed)
}

func spelt(v any) error {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if strings.ContainsFunc(key, func(r rune) bool { return r > 'z' || 'A' <= r && r <= 'Z' }) {
				return fmt.Errorf("unknown key %q", key)
			}
			if err := spelt(value); err != nil {
				return err
			}
		}
	case []any:
		errs := make([]error, 0, len(v))
		for _, value := range v {
			errs = append(errs, spelt(value))
		}
		return errors.Join(errs...)
	}
	return nil
}

// describe serves the document, to anyone: it is the same for everybody and has no data in it.
func (a *API) describe() {
	delete(a.huma.OpenAPI().Components.Schemas.Map(), "ErrorModel") // huma's own errors, which ownProblem replaces
	delete(a.huma.OpenAPI().Components.Schemas.Map(), "ErrorDetail")
	asYAML, asJSON := a.Document()
	a.serveDocument("openapi.yaml", "application/openapi+yaml", asYAML)
	a.serveDocument("openapi.json", "application/openapi+json", asJSON)
}

func (a *API) serveDocument(name, contentType string, body []byte) {
	a.mux.HandleFunc("GET "+Root+"/"+name, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(body) // the reader has gone: nobody to tell
	})
}

// Document is the OpenAPI document, in both forms.
func (a *API) Document() (asYAML, asJSON []byte) {
	asYAML, err := a.huma.OpenAPI().YAML()
	if err != nil {
		panic(fmt.Sprintf("describe the API: %v", err))
	}
	asJSON, err = json.MarshalIndent(a.huma.OpenAPI(), "", "  ")
	if err != nil {
		panic(fmt.Sprintf("describe the API: %v", err))
	}
	return asYAML, append(bytes.TrimSpace(asJSON), '\n')
}
