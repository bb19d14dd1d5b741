package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/say"
)

// Terms are the headers of every request that says something.
type Terms struct {
	Key     string `header:"Idempotency-Key" maxLength:"80" pattern:"^[A-Za-z0-9._:-]+$" doc:"A request with a key is carried out once, however often it is sent. Choose a new one for each, such as a UUID"`
	IfMatch string `header:"If-Match" maxLength:"40" doc:"The ETag of what you have read: 412 when more has been said since"`
}

// on gives them as the rest of Lull takes them. A key is its token's own.
func (t Terms) on(ctx context.Context, operation string, asked any) (say.Terms, error) {
	seen, err := t.seen()
	if err != nil || t.Key == "" {
		return say.Terms{Seen: seen}, err
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return say.Terms{}, fmt.Errorf("take the print of a request: %w", err)
	}
	sum := sha256.Sum256(append([]byte(operation+"\n"), body...))
	return say.Terms{Key: holder(ctx).Name + "/" + t.Key, Print: hex.EncodeToString(sum[:12]), Seen: seen}, nil
}

func (t Terms) seen() (int64, error) {
	tag := strings.TrimPrefix(strings.TrimSpace(t.IfMatch), "W/")
	if tag == "" || tag == "*" {
		return 0, nil
	}
	version, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
	if err != nil || version < 1 {
		return 0, newProblem(http.StatusPreconditionFailed, "If-Match is of no version of this", "send the ETag of the answer that you have read")
	}
	return version, nil
}

// said is the answer to a request that says something.
type said struct {
	ETag string `header:"ETag" doc:"The version that it has now"`
	Body saidBody
}

type saidBody struct {
	Text    string `json:"text" doc:"What came of it"`
	URL     string `json:"url" format:"uri" doc:"Where people read it"`
	Changed bool   `json:"changed" doc:"False when all of it was said already"`
	Version int64  `json:"version" doc:"How many entries of the record there are about it"`
}

// answer tells what came of it. When nothing did, the version is what it was.
func (a *API) answer(ctx context.Context, id maint.ID, s say.Said, err error) (*said, error) {
	if err != nil {
		return nil, err
	}
	out := &said{Body: saidBody{Text: s.Text, URL: s.URL, Changed: len(s.Entries) > 0}}
	if n := len(s.Entries); n > 0 {
		out.Body.Version = s.Entries[n-1].Version
	} else if out.Body.Version, err = a.opts.Record.Version(ctx, id); err != nil {
		return nil, err
	}
	out.ETag = etag(out.Body.Version)
	a.opts.Log.InfoContext(ctx, "said by the API", "token", holder(ctx).Name, "subject", id, "changed", out.Body.Changed)
	return out, nil
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }
