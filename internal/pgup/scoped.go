package pgup

import (
	"context"
	"encoding/json"

	"github.com/lullhq/lull/internal/run"
)

// scoped is the recorder of a step whose effect stands on the slots. When they are gone and
// the copy is started again, what such a step kept before counts no more.
//
// An abort looks at the last step first, before it is known how often the copy was started
// again; every memo counts then, which is right: what they name is ours to take back.
type scoped struct {
	run.Recorder
	u *Upgrade
}

// generation is a memo of a copy that was started again. The first copy's memos are kept as they are.
type generation struct {
	Generation int             `json:"generation"`
	Memo       json.RawMessage `json:"memo"`
}

func (s scoped) Memo(v any) (found bool, err error) {
	var g generation
	if found, err := s.Recorder.Memo(&g); err != nil || !found || g.Generation < s.u.generation {
		return false, err
	}
	if g.Generation == 0 {
		return s.Recorder.Memo(v)
	}
	return true, json.Unmarshal(g.Memo, v)
}

func (s scoped) Keep(ctx context.Context, v any) error {
	if s.u.generation == 0 {
		return s.Recorder.Keep(ctx, v)
	}
	memo, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.Recorder.Keep(ctx, generation{s.u.generation, memo})
}

// unscoped is what a step kept, without the mark of its generation.
func unscoped(memo []byte) []byte {
	var g generation
	if err := json.Unmarshal(memo, &g); err != nil || g.Generation == 0 {
		return memo
	}
	return g.Memo
}
