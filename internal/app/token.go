package app

import (
	"context"
	"errors"
	"time"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/hint"
)

// Issued is a new token, and its secret for the one time that it is shown.
type Issued struct {
	Token  auth.Token `json:"token"`
	Secret string     `json:"secret"`
}

// CreateToken makes a token for the API. It expires after so long, or never when that is 0.
func (a *App) CreateToken(ctx context.Context, name string, scopes []auth.Scope, after time.Duration) (Issued, error) {
	now := a.now()
	var expires time.Time
	if after != 0 {
		expires = now.Add(after)
	}
	t, secret, err := auth.Issue(name, scopes, now, expires)
	if err != nil {
		return Issued{}, err
	}
	err = a.store.AddToken(ctx, t, secret.Hash())
	if errors.Is(err, auth.ErrTaken) {
		err = hint.Wrap(err, "choose another name: one that was used stays what it was, also after it was revoked")
	}
	return Issued{Token: t, Secret: secret.Reveal()}, err
}

// Tokens lists them all, those that hold no more as well.
func (a *App) Tokens(ctx context.Context) ([]auth.Token, error) { return a.store.ListTokens(ctx) }

// RevokeToken ends a token at once.
func (a *App) RevokeToken(ctx context.Context, name string) error {
	return hint.Wrap(a.store.RevokeToken(ctx, name, a.now()), "lull token list")
}
