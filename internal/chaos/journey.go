package chaos

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
)

// A journey is one maintenance in which several cases happen one after the other. Most of what goes
// wrong does not end a maintenance, so a whole one for each case would be most of the time for nothing.

// together is how many cases of a fault share a maintenance at the most.
func (f fault) together() int {
	switch f.name {
	case nothing, killAbort:
		return 1 // it is the end
	case "slot-invalidated":
		return 3 // the copy is begun anew after each
	}
	return 8
}

// where is the place of the case, which is drawn when it is not said.
func (c Case) where() string {
	if c.Fault == killAtRandom {
		return places[c.random().IntN(len(places))]
	}
	return c.Place
}

// sharing is equal for cases that may share a maintenance: those of one fault, before clients move or after.
func (c Case) sharing() string {
	side := "there"
	switch {
	case c.back():
		side = "back"
	case c.Fault == killAtWrite || c.Fault == killAtRandom: // they do the clients no harm on either side
	case moved(c.Place):
		side = "moved"
	}
	return c.Fault + " " + side
}

// journeys puts cases into as few maintenances as there may be. The catalogue tells their order. Cases
// that share one lie as far apart as can be, so that each finds the maintenance going on.
func journeys(cases, catalogue []Case) (out [][]Case) {
	var keys []string
	groups := map[string][]Case{}
	for _, c := range cases {
		key := c.sharing()
		if groups[key] == nil {
			keys = append(keys, key)
		}
		groups[key] = append(groups[key], c)
	}
	for _, key := range keys {
		all := groups[key]
		slices.SortFunc(all, func(a, b Case) int {
			return cmp.Or(slices.Index(order, a.where())-slices.Index(order, b.where()), slices.Index(catalogue, a)-slices.Index(catalogue, b))
		})
		most := faultNamed(all[0].Fault).together()
		n := (len(all) + most - 1) / most
		for first := range n {
			var one []Case
			for i := first; i < len(all); i += n {
				one = append(one, all[i])
			}
			out = append(out, one)
		}
	}
	return out
}

// face makes one of the cases the present one.
func (t *trial) face(i int) {
	c := t.journey[i]
	t.c, t.f, t.row, t.random = c, faultNamed(c.Fault), t.rows[i], c.random()
	t.row.faced = true
	if c.Fault == killAtRandom {
		t.random.IntN(len(places)) // the place
	}
	t.patient = t.random.IntN(3)
	if t.patient == givesUp && i < len(t.journey)-1 {
		t.patient = triesFirst // the next one needs a maintenance that goes on
	}
}

// What a person does about what is in the way.
const (
	takesAway  = iota // at once
	triesFirst        // after another try
	givesUp           // instead
)

// hurts says whether anything that was done lay in the clients' own way.
func (t *trial) hurts() bool {
	for i, c := range t.journey {
		if t.rows[i].Strikes > 0 && faultNamed(c.Fault).hurts(c.Place) {
			return true
		}
	}
	return false
}

// pass goes by the places of the journey, and has each thing happen where it belongs.
func (t *trial) pass(ctx context.Context, verb string) (ended string, err error) {
	t.verb = verb
	if err := t.start(ctx, verb); err != nil {
		return "", err
	}
	for i := range t.journey {
		t.face(i)
		if ended, err = t.happen(ctx); err != nil || ended != "" {
			return ended, err
		}
	}
	return t.finish(ctx)
}

// happen waits for the place of the case and strikes there, unless it has passed. What has stopped before is
// carried on; ended is not empty when the maintenance has come to its end with that.
func (t *trial) happen(ctx context.Context) (ended string, err error) {
	defer t.release()
	place := t.c.where()
	wait := t.inPlace(place)
	if place == held && t.random.IntN(2) == 0 {
		if err := t.makeHoldLast(ctx); err != nil {
			return "", err
		}
	}
	for n := 1; !t.life.reach(place, wait); n++ {
		if !t.life.over() {
			return "", nil
		}
		if ended, err = t.carryOn(ctx, n); err != nil || ended != "" {
			return ended, err
		}
	}
	heal, err := t.f.strike(ctx, t)
	if err != nil {
		return "", fmt.Errorf("%s: %w", t.f.title, err)
	}
	if heal != nil {
		t.heals = append(t.heals, heal)
	}
	return "", nil
}

// dieAtWrites has the command killed twice at each of the writes: when it is not made yet, and when nobody
// has been told that it is. A write that does not come a second time is passed.
func (t *trial) dieAtWrites(ctx context.Context, verb string) error {
	var moments []string // two for each case
	for _, c := range t.journey {
		moments = append(moments, "before "+c.write(), "after "+c.write())
	}
	for next := 0; next < len(moments); {
		t.face(next / 2)
		died, err := t.startMortal(ctx, verb, moments[next:]...)
		if err != nil {
			return err
		}
		end, err := t.ends(ctx)
		if err != nil || end.done {
			return err
		}
		at, err := os.ReadFile(died)
		if err != nil {
			return fmt.Errorf("look at which write lull died: %w", err)
		}
		if next = slices.Index(moments, string(at)); next < 0 {
			return fmt.Errorf("lull died at %q, which was not asked of it", at)
		}
		t.face(next / 2)
		t.row.Strikes++
		next++
	}
	return t.oneLife(ctx, verb)
}
