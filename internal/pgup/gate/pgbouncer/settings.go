package pgbouncer

import (
	"context"

	"github.com/lullhq/lull/internal/pgup/gate"
)

// Settings are what the pooler runs with now, by the names of its configuration file.
func Settings(ctx context.Context, p gate.Pooler) (map[string]string, error) {
	c, err := newConsole(p.Admin)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.settings(ctx)
}

func (c *console) settings(ctx context.Context) (map[string]string, error) {
	rows, err := c.run(ctx, "SHOW CONFIG")
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, r := range rows {
		out[r["key"]] = r["value"]
	}
	return out, nil
}
