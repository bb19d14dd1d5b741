package compare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Leave is what is not compared, because it was made another on one side on purpose.
type Leave struct {
	PublicCreate bool // that everybody may create objects in a schema
	DefinerPath  bool // the search_path of SECURITY DEFINER functions
}

// Schema compares everything that is defined in the database of the two connections.
func Schema(ctx context.Context, src, dst *pgx.Conn, leave Leave) ([]Difference, error) {
	s, err := major(src)
	if err != nil {
		return nil, fmt.Errorf("compare schemas: %w", err)
	}
	d, err := major(dst)
	if err != nil {
		return nil, fmt.Errorf("compare schemas: %w", err)
	}
	lower := min(s, d)
	source, target, err := both(ctx, src, dst, func(ctx context.Context, conn *pgx.Conn) ([]object, error) {
		own := s
		if conn == dst {
			own = d
		}
		return objects(ctx, conn, dialect{major: own, lowest: lower, leave: leave})
	})
	if err != nil {
		return nil, fmt.Errorf("compare schemas: %w", err)
	}
	return diff(source, target), nil
}

// Fingerprint is equal before and after on one server when no definition has changed in
// between. Fingerprints of different majors say nothing of each other.
func Fingerprint(ctx context.Context, conn *pgx.Conn) (string, error) {
	v, err := major(conn)
	if err != nil {
		return "", fmt.Errorf("fingerprint the schema: %w", err)
	}
	all, err := objects(ctx, conn, dialect{major: v, lowest: v})
	if err != nil {
		return "", fmt.Errorf("fingerprint the schema: %w", err)
	}
	lines := make([]string, len(all))
	for i, o := range all {
		lines[i] = strings.Join([]string{o.kind, o.identity, o.definition, o.local}, "\x1f")
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\x1e")))
	return hex.EncodeToString(sum[:]), nil
}

// objects reads all catalogs in one round trip.
func objects(ctx context.Context, conn *pgx.Conn, d dialect) (all []object, err error) {
	err = inSnapshot(ctx, conn, func(tx pgx.Tx) error {
		var batch pgx.Batch
		for _, sql := range d.catalogs() {
			batch.Queue(sql).Query(func(rows pgx.Rows) error {
				var o object
				_, err := pgx.ForEachRow(rows, []any{&o.kind, &o.identity, &o.of, &o.definition, &o.local}, func() error {
					all = append(all, o)
					return nil
				})
				return err
			})
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
	return all, err
}
