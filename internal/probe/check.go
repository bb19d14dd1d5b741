package probe

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/planstep"
)

// HTTPCheck asks an address once and says what was wrong with the answer.
func HTTPCheck(ctx context.Context, url string, expect int) error {
	return check(ctx, newClient(), url, expect)
}

// NewCheckStep makes the plan's check of a web address: it asks until the answer is as
// expected, for as long as within says.
func NewCheckStep(name, url string, expect int, within time.Duration) *planstep.Check {
	return planstep.NewCheck(name, within, func(ctx context.Context) (string, error) {
		if err := HTTPCheck(ctx, url, expect); err != nil {
			return "", err
		}
		return fmt.Sprintf("%s answered %d", where(url), expect), nil
	})
}

// check takes any answer below 400 for good when no status is expected.
func check(ctx context.Context, c *http.Client, url string, expect int) error {
	status, location, err := get(ctx, c, url)
	at := where(url)
	if err != nil {
		return hint.Wrap(fmt.Errorf("ask %s: %w", at, err), "see that it is up: curl -i "+at)
	}
	if status == expect || expect == 0 && status < http.StatusBadRequest {
		return nil
	}
	answered := fmt.Sprintf("%s answered %d", at, status)
	if expect != 0 {
		answered += fmt.Sprintf(", expected %d", expect)
	}
	if location != "" {
		return hint.Errorf("name the address that it leads to, if that is the one you mean", "%s (it leads to %s)", answered, location)
	}
	return hint.Errorf("see the whole answer: curl -i "+at, "%s", answered)
}
