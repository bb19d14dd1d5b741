package pgup

import (
	"context"

	"github.com/lullhq/lull/internal/run"
)

func (u *Upgrade) compareSides(ctx context.Context, rec run.Recorder) error {
	if err := u.compareSchemas(ctx); err != nil {
		return err
	}
	return rec.Keep(ctx, begun{true})
}
