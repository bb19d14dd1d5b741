package tryout

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/pgup/cluster"
)

// cache asks each of the servers for the library by which the new one's memory is filled.
func (t Trial) cache(ctx context.Context) ([]checks.Finding, error) {
	var lacking []checks.Object
	for _, x := range []struct {
		at             cluster.Endpoint
		library, where string
	}{{t.here(), "pg_prewarm", "the new version"}, {t.Source, "pg_buffercache", "the source"}} {
		conn, err := x.at.Connect(ctx, "")
		if err != nil {
			return nil, err
		}
		refused, err := load(ctx, conn, "$libdir/"+x.library)
		conn.Close(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		if refused != "" {
			lacking = append(lacking, checks.Object{Name: x.library, Detail: x.where + ": " + refused})
		}
	}
	return found("cache-libraries", "", lacking), nil
}

// load loads a library into the session, and gives the server's reason where it does not.
func load(ctx context.Context, conn *pgx.Conn, library string) (refusal string, err error) {
	_, err = conn.Exec(ctx, "LOAD "+cluster.Literal(library))
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Message, nil
	}
	if err != nil {
		return "", fmt.Errorf("load %s: %w", library, err)
	}
	return "", nil
}
