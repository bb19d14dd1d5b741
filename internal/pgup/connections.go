package pgup

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/lullhq/lull/internal/pgup/cluster"
)

// connections holds one session a database of an endpoint, opened when first asked for. For one goroutine.
type connections struct {
	endpoint cluster.Endpoint
	open     map[string]*pgx.Conn
}

func (c *connections) to(ctx context.Context, database string) (*pgx.Conn, error) {
	if conn, ok := c.open[database]; ok {
		return conn, nil
	}
	conn, err := c.endpoint.Connect(ctx, database)
	if err != nil {
		return nil, err
	}
	if c.open == nil {
		c.open = map[string]*pgx.Conn{}
	}
	c.open[database] = conn
	return conn, nil
}

// drop closes the session of a database, so that the next one asked for is new.
func (c *connections) drop(database string) {
	if conn, ok := c.open[database]; ok {
		conn.Close(context.Background())
		delete(c.open, database)
	}
}

func (c *connections) close() {
	for _, conn := range c.open {
		conn.Close(context.Background())
	}
}
