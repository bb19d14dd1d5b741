package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/timeline"
)

// noticeFindings hold a plan against the policy of lull.yaml. What somebody has decided otherwise, by
// name, is a warning.
func (a *App) noticeFindings(ctx context.Context, p *config.Plan) ([]checks.Finding, error) {
	policy := a.Config.Notices.Policy[p.Worst()]
	if len(policy) == 0 {
		return nil, nil
	}
	past, err := a.history(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	if timeline.Fold(p.ID, past).Running() {
		return nil, nil // what people were to be told before is over
	}
	start, _, err := p.Window.Resolve()
	if err != nil {
		return nil, err
	}
	var out []checks.Finding
	if lacking := maint.Lacking(policy, a.notices(p)); len(lacking) > 0 {
		out = append(out, checks.Finding{
			ID: "notices-lacking", Where: config.Place(p.File, "notices"),
			Text: fmt.Sprintf("lull.yaml asks for notices that the plan does not have, for what is %s: %s", p.Worst(), wordsOf(lacking)),
			Fix:  "add to the plan's notices: " + wordsOf(lacking),
		})
	}
	if n, due, late := maint.TooLate(policy, start, announcedAt(past, p.Window, a.now())); late {
		out = append(out, checks.Finding{
			ID: "notice-too-late", Where: config.Place(p.File, "window", "start"),
			Text: fmt.Sprintf("people are to hear of it %s before the start, which was at %s: it is announced too late for that", n.Word, due.Format("2006-01-02 15:04 MST")),
			Fix:  "move window.start, or write who has decided otherwise: short_notice: {by: NAME, why: REASON}",
		})
	}
	for i := range out {
		out[i].Severity = checks.Blocker
		if e := p.Exception; e != nil {
			out[i].Severity = checks.Warning
			out[i].Fix = fmt.Sprintf("%s has decided so: %s", e.By, e.Why)
		}
	}
	return out, nil
}

// announcedAt is since when people can know of a window: since now, of one that was not announced.
func announcedAt(past []timeline.Entry, w maint.Window, now time.Time) time.Time {
	at, known := now, false
	for _, e := range past {
		var said maint.Window
		switch ev := e.Event.(type) {
		case maint.Scheduled:
			said = ev.Window
		case maint.Rescheduled:
			said = ev.Window
		default:
			continue
		}
		switch {
		case said != w:
			at, known = now, false
		case !known:
			at, known = e.At, true
		}
	}
	return at
}

// mayAnnounce refuses a plan that the policy does not allow.
func (a *App) mayAnnounce(ctx context.Context, p *config.Plan) error {
	found, err := a.noticeFindings(ctx, p)
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.Severity == checks.Blocker {
			return hint.Wrap(maint.Refuse("%s", f.Text), f.Fix)
		}
	}
	return nil
}

// notices are those of the plan, or else those of the policy.
func (a *App) notices(p *config.Plan) []config.Notice {
	if len(p.Notices) > 0 {
		return p.Notices
	}
	return a.Config.Notices.Policy[p.Worst()]
}

func wordsOf(notices []config.Notice) string {
	var out []string
	for _, n := range notices {
		out = append(out, n.Word)
	}
	return strings.Join(out, ", ")
}
