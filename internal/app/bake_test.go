package app

import (
	"fmt"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/pgup"
)

func TestLinesThatAreDue(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 12, 5, 4, 0, 0, 0, time.UTC)
	d := dueLines{from: from, length: 24 * time.Hour}
	at := func(s int, grade pgup.Grade, trouble string) pgup.Sample {
		return pgup.Sample{At: from.Add(time.Duration(s) * time.Second), Left: time.Hour, Verdict: pgup.Verdict{Grade: grade}, Trouble: trouble}
	}
	for _, tt := range []struct {
		sample pgup.Sample
		want   bool
	}{
		{at(0, pgup.Fine, ""), true}, {at(5, pgup.Fine, ""), false}, {at(60, pgup.Fine, ""), true},
		{at(65, pgup.Worse, ""), true}, {at(70, pgup.Worse, ""), false},
		{at(75, pgup.Fine, "away"), true}, {at(80, pgup.Fine, "away"), false}, {at(85, pgup.Worse, ""), true}, {at(90, pgup.Worse, ""), false},
		{at(95, pgup.Past, ""), true},
		{at(1000, pgup.Past, ""), true}, {at(1100, pgup.Past, ""), false}, {at(1300, pgup.Past, ""), true},
		{pgup.Sample{At: from.Add(1301 * time.Second), Verdict: pgup.Verdict{Grade: pgup.Past}}, true},
	} {
		if got := d.now(tt.sample); got != tt.want {
			t.Errorf("%s: %v", fmt.Sprint(tt.sample.At.Sub(from), " ", tt.sample.Verdict.Grade, " ", tt.sample.Trouble), got)
		}
	}
	rehearsal := dueLines{from: from, length: time.Minute}
	if !rehearsal.now(at(0, pgup.Fine, "")) || rehearsal.now(at(5, pgup.Fine, "")) || !rehearsal.now(at(6, pgup.Fine, "")) {
		t.Error("a bake of a minute has a line in six seconds")
	}
}
