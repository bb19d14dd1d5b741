package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/lullhq/lull/internal/planstep"
)

// checkDeadline is how long one try of a plan's check waits for its answer.
const checkDeadline = 5 * time.Second

// HTTPCheck asks an address once and says what was wrong with the answer. With expect 0
// any answer below 400 is good.
func HTTPCheck(ctx context.Context, url string, expect int) error {
	h := HTTP{URL: url}
	if expect != 0 {
		h.Expect = []Statuses{{expect, expect}}
	}
	return look(ctx, h, checkDeadline)
}

// NewCheckStep makes the plan's check of a web address: it asks until the answer is as
// expected, for as long as within says.
func NewCheckStep(name, url string, expect int, within time.Duration) *planstep.Check {
	return planstep.NewCheck(name, within, func(ctx context.Context) (string, error) {
		if err := HTTPCheck(ctx, url, expect); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s answered %d", Where(url), expect), nil
	})
}
