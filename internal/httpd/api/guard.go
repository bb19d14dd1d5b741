package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/lullhq/lull/internal/auth"
)

type tokenKey struct{}

// holder is the token of whoever asks.
func holder(ctx context.Context) auth.Token {
	t, _ := ctx.Value(tokenKey{}).(auth.Token)
	return t
}

// guard lets only those through whose token allows what the operation's description asks for.
func (a *API) guard(ctx huma.Context, next func(huma.Context)) {
	token, p := a.admitted(ctx)
	if p != nil {
		_, w := humago.Unwrap(ctx)
		write(w, p)
		return
	}
	next(huma.WithValue(ctx, tokenKey{}, token))
}

func (a *API) admitted(ctx huma.Context) (auth.Token, *Problem) {
	token, p := a.authenticated(ctx)
	if p != nil {
		return token, p
	}
	need, ok := scopeOf(ctx.Operation())
	if !ok || !token.Allows(need) {
		return token, newProblem(http.StatusForbidden, fmt.Sprintf("token %s does not allow this", token.Name),
			fmt.Sprintf("use a token with the scope %s", need)).
			with("WWW-Authenticate", fmt.Sprintf(`Bearer realm="lull", error="insufficient_scope", scope=%q`, need))
	}
	limit, what := a.reads, "read"
	if m := ctx.Method(); m != http.MethodGet && m != http.MethodHead {
		limit, what = a.writes, "write"
	}
	if wait, ok := limit.Take(token.Name, a.opts.Now()); !ok {
		return token, tooMany(fmt.Sprintf("token %s asks to %s too often", token.Name, what), wait)
	}
	return token, nil
}

func (a *API) authenticated(ctx huma.Context) (auth.Token, *Problem) {
	const next = "send Authorization: Bearer and a token of lull token create"
	scheme, presented, _ := strings.Cut(ctx.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return auth.Token{}, newProblem(http.StatusUnauthorized, "there is no token", next).with("WWW-Authenticate", `Bearer realm="lull"`)
	}
	now := a.opts.Now()
	token, err := a.gate.Enter(ctx.Context(), auth.Caller(ctx.RemoteAddr(), nil, 0), strings.TrimSpace(presented), now)
	var many *auth.TooMany
	switch {
	case errors.Is(err, auth.ErrUnknown):
		return token, newProblem(http.StatusUnauthorized, "the token is not good", next).with("WWW-Authenticate", `Bearer realm="lull", error="invalid_token"`)
	case errors.As(err, &many):
		return token, tooMany(many.Error(), many.Wait)
	case err != nil:
		return token, a.problem(ctx.Context(), ctx.Operation().OperationID, err)
	}
	if err := auth.Touch(ctx.Context(), a.opts.Tokens, token, now); err != nil {
		a.opts.Log.WarnContext(ctx.Context(), "the use of a token cannot be noted", "token", token.Name, "error", err)
	}
	return token, nil
}

// scopeOf is what the description of an operation asks for. One that asks for nothing is a mistake, and open to nobody.
func scopeOf(op *huma.Operation) (auth.Scope, bool) {
	if len(op.Security) != 1 || len(op.Security[0][bearer]) != 1 {
		return "", false
	}
	return auth.Scope(op.Security[0][bearer][0]), true
}
