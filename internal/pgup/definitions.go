package pgup

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/pgup/compare"
)

// definitions are those of one database as they were when both sides were found alike,
// right before a hold.
type definitions struct {
	value       string // cheap to take, and may differ where nothing that counts does
	fingerprint string // the whole
	roles       map[string]string
}

// prepareDefinitions takes the cheap value first: whatever changes while the two sides are
// compared, or after, changes the value.
func prepareDefinitions(ctx context.Context, from, to *pgx.Conn, leave compare.Leave) (d definitions, err error) {
	if err := cluster.PrepareDefinitions(ctx, from); err != nil {
		return d, err
	}
	if d.value, err = cluster.Definitions(ctx, from); err != nil {
		return d, err
	}
	found, err := compare.Schema(ctx, from, to, leave)
	if err != nil {
		return d, err
	}
	if len(found) > 0 {
		var all []string
		for _, f := range found {
			all = append(all, f.String())
		}
		return d, differ(all)
	}
	if d.roles, err = cluster.Roles(ctx, from); err != nil {
		return d, err
	}
	d.fingerprint, err = compare.Fingerprint(ctx, from)
	return d, err
}

// unchanged is asked while clients wait, after everybody is gone who could change a
// definition. Only where the cheap value differs the whole is taken again.
func (d definitions) unchanged(ctx context.Context, from *pgx.Conn) error {
	value, err := cluster.Definitions(ctx, from)
	if err != nil || value == d.value {
		return err
	}
	fingerprint, err := compare.Fingerprint(ctx, from)
	if err != nil {
		return err
	}
	roles, err := cluster.Roles(ctx, from)
	if err != nil {
		return err
	}
	if fingerprint != d.fingerprint || !maps.Equal(roles, d.roles) {
		return fmt.Errorf("somebody changed a definition right before the switch")
	}
	return nil
}

// unchanged asks in all databases at once.
func (h *hold) unchanged(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range h.lanes {
		group.Go(func() error {
			if err := l.definitions.unchanged(ctx, l.seqFrom); err != nil {
				return fmt.Errorf("database %s: %w", l.db.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// roleDifferences names what is not alike on both sides and belongs to no database.
func (u *Upgrade) roleDifferences(ctx context.Context) (all []string, err error) {
	sides := make([]map[string]string, 2)
	for i, e := range []cluster.Endpoint{u.Source, u.target} {
		conn, err := e.Connect(ctx, "")
		if err != nil {
			return nil, err
		}
		sides[i], err = cluster.Roles(ctx, conn)
		conn.Close(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
	}
	source, target := sides[0], sides[1]
	for name, value := range source {
		if there, ok := target[name]; !ok {
			all = append(all, name+" is only on the source")
		} else if there != value {
			all = append(all, name+" is not the same on both sides")
		}
	}
	for name := range target {
		if _, ok := source[name]; !ok {
			all = append(all, name+" is only on the target")
		}
	}
	slices.Sort(all)
	return all, nil
}
