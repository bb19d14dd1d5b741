package pgup

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/pgup/cluster"
	"github.com/lullhq/lull/internal/run"
)

// The steps that learn what is usual on the source, if the new server is to be watched.
const (
	firstReading  = "workload-begin"
	secondReading = "workload"
)

// workloadBegin reads the counters before Lull's own work shows in them. They are kept
// without texts: those of the second reading do.
func (u *Upgrade) workloadBegin() run.Item {
	item := u.before(firstReading, "Counters of the old server", step{
		recall: func(rec run.Recorder) error {
			_, err := rec.Memo(&u.workload)
			return err
		},
		observe: func(_ context.Context, rec run.Recorder) (run.Observation, error) {
			var w cluster.Workload
			found, err := rec.Memo(&w)
			return kept(found, fmt.Sprintf("read at %s", w.At.UTC().Format("15:04:05 UTC"))), err
		},
		apply: func(ctx context.Context, rec run.Recorder) error {
			w, err := u.readWorkload(ctx)
			if err != nil {
				return err
			}
			u.workload = w.Counters()
			return rec.Keep(ctx, u.workload)
		},
	})
	item.Hidden = true
	return item
}

// workloadBefore reads them again right before the switch, and keeps what was usual.
func (u *Upgrade) workloadBefore() run.Item {
	return u.before(secondReading, "What is usual on the old server", step{
		observe: func(_ context.Context, rec run.Recorder) (run.Observation, error) {
			var b Baseline
			found, err := rec.Memo(&b)
			return kept(found, fmt.Sprintf("statements to compare with: %d", len(b.Statements))), err
		},
		apply: u.learnUsual,
	})
}

func (u *Upgrade) learnUsual(ctx context.Context, rec run.Recorder) error {
	end, err := u.readWorkload(ctx)
	if err != nil {
		return err
	}
	b := baseline(u.workload, end)
	if err := rec.Keep(ctx, b); err != nil {
		return err
	}
	text := fmt.Sprintf("The new server will be compared with %d statements of the old one.", len(b.Statements))
	if b.Blind != "" {
		text = fmt.Sprintf("The statements of the new server will not be compared: on the old one, %s. Its errors will.", b.Blind)
	}
	return rec.Note(ctx, text, maint.Figures{"statements_before": float64(len(b.Statements))})
}

func (u *Upgrade) readWorkload(ctx context.Context) (cluster.Workload, error) {
	m, err := cluster.OpenMeter(ctx, u.Source)
	if err != nil {
		return cluster.Workload{}, err
	}
	defer m.Close()
	return m.Read(ctx)
}

func kept(found bool, evidence string) run.Observation {
	if !found {
		return run.Observation{Presence: run.Absent}
	}
	return run.Observation{Presence: run.Done, Evidence: evidence}
}

// Baseline finds in the journal what was usual before the switch; nil when it is not there.
func (u *Upgrade) Baseline(points map[string]run.Checkpoint) (*Baseline, error) {
	var b *Baseline
	memo := points[u.Name+"/"+secondReading].Memo
	if len(memo) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(memo, &b); err != nil {
		return nil, fmt.Errorf("read what was usual before the switch: %w", err)
	}
	return b, nil
}

// checkMeasure says what the watching will not see.
func (u *Upgrade) checkMeasure(ctx context.Context) ([]checks.Finding, error) {
	if u.BakeFor == 0 {
		return nil, nil
	}
	m, err := cluster.OpenMeter(ctx, u.Source)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if m.Blind() == "" {
		return nil, nil
	}
	text := "The new server's statements cannot be compared with the old one's: on the source, %s. Errors will be compared."
	if u.RollBackIf.P99 > 0 {
		text += " The limit of p99 in roll_back_if has no effect."
	}
	return []checks.Finding{warning("statements", "On the source: add pg_stat_statements to shared_preload_libraries, restart it, CREATE EXTENSION pg_stat_statements, and let a working day pass.", text, m.Blind())}, nil
}
