package api

import (
	"context"
	"net/http"

	"github.com/lullhq/lull/internal/auth"
)

// Subscribers keeps away from those who want nothing more.
type Subscribers interface {
	// SuppressAddress has nothing sent to an address of mail any more. Twice is legal.
	SuppressAddress(ctx context.Context, address, reason string) error
}

type suppress struct {
	Body struct {
		Address string `json:"address" maxLength:"254" doc:"Of mail"`
		Reason  string `json:"reason" maxLength:"200" pattern:"^[^\\x00-\\x1f]+$" doc:"Such as bounce, or complaint"`
	}
}

type suppressed struct {
	Body struct {
		Text string `json:"text"`
	}
}

func (a *API) suppressions() {
	register(a, operation{method: http.MethodPost, path: "/suppressions", id: "suppress-address", scope: auth.Subscribers, tag: "subscribers", status: http.StatusOK,
		summary: "Send nothing to an address any more", description: "For what a mail provider tells of bounces and complaints. As `lull subscribers suppress`. The answer is the same whether the address is known or not."}, a.suppress)
}

func (a *API) suppress(ctx context.Context, in *suppress) (*suppressed, error) {
	if err := a.opts.Subscribers.SuppressAddress(ctx, in.Body.Address, in.Body.Reason); err != nil {
		return nil, err
	}
	out := &suppressed{}
	out.Body.Text = "Nothing is sent there any more."
	return out, nil
}
