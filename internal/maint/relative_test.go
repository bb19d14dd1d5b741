package maint_test

import (
	"testing"

	"github.com/lullhq/lull/internal/maint"
)

func TestRelative(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"Scheduled maintenance today at 5:00pm": "today", "TOMORROW": "tomorrow", "todays": "", "Wartung morgen um acht": "morgen", "am Morgen": "", "morgens": "",
		"aujourd’hui": "aujourd'hui", "por la mañana": "", "Mañana a las 8": "mañana", "本日17時": "本日", "Sites stay up.": "", "hier ist alles gut": "",
	} {
		if got := maint.Relative(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
