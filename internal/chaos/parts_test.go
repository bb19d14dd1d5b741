package chaos

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/pgserver"
)

func TestDisk(t *testing.T) {
	t.Parallel()
	owner, err := pgserver.OwnerNamed("")
	if err != nil {
		t.Fatal(err)
	}
	at, err := owner.TempDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(at)
	d, err := newDisk(t.Context(), at, owner)
	if err != nil {
		t.Skip(err)
	}
	files := 0
	write := func() ([]byte, error) {
		files++
		return d.program(t.Context(), "/", "sh", "-c", fmt.Sprintf("head -c 100000 /dev/zero > %s/%d", at, files)).CombinedOutput()
	}
	if said, err := write(); err != nil {
		t.Errorf("an empty disk: %v: %s", err, said)
	}
	if err := d.fill(); err != nil {
		t.Fatal(err)
	}
	if said, err := write(); err == nil || !strings.Contains(string(said), "No space left") {
		t.Errorf("a full disk: %v: %s", err, said)
	}
	if err := d.free(); err != nil {
		t.Fatal(err)
	}
	if said, err := write(); err != nil {
		t.Errorf("a disk with room again: %v: %s", err, said)
	}
	if files, err := os.ReadDir(at); err != nil || len(files) > 0 {
		t.Errorf("others see %v, %v", files, err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	all := Catalogue(7, []string{"lease", "a done"}, 3)
	names := map[string]bool{}
	for _, c := range all {
		if names[c.String()] {
			t.Errorf("%s is there twice", c)
		}
		names[c.String()] = true
	}
	for _, want := range []string{"killed-at-write@a done", "killed-at-random@moment 3", "target-killed@held", "disk-full@upgrade/pg-upgrade", "rollback-killed@held again"} {
		if !names[want] {
			t.Errorf("%s is missing", want)
		}
	}
	again := Catalogue(7, []string{"a done"}, 1)
	for _, c := range again {
		if !slices.Contains(all, c) {
			t.Errorf("%s has another seed when others are there", c)
		}
	}
	if other := Catalogue(8, nil, 0)[0]; other.Seed == all[0].Seed {
		t.Error("another seed changes nothing")
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	all := Catalogue(1, []string{"lease"}, 5)
	choose := func(most int, only ...string) []Case {
		return Select(all, only, most, rand.New(rand.NewPCG(1, 1)))
	}
	if n := len(choose(0)); n != len(all) {
		t.Errorf("without a choice %d of %d", n, len(all))
	}
	for word, fits := range map[string]func(Case) bool{
		"ddl":       func(c Case) bool { return c.Fault == "ddl" },
		"held":      func(c Case) bool { return c.Place == held },
		"switch":    func(c Case) bool { return strings.HasSuffix(c.Place, "/switch") },
		"ddl@held":  func(c Case) bool { return c.Fault == "ddl" && c.Place == held },
		"no such 1": func(Case) bool { return false },
	} {
		got := choose(0, word)
		for _, c := range all {
			if slices.Contains(got, c) != fits(c) {
				t.Errorf("%s: %s", word, c)
			}
		}
	}
	faults := map[string]bool{}
	for _, c := range choose(6) {
		faults[c.Fault] = true
	}
	if len(faults) != 6 {
		t.Errorf("six cases are of %d faults", len(faults))
	}
}

func TestQuestion(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"error: the disk is full\nnext:  free some space\n": "the disk is full -> free some space",
		"error: one thing\n       another\nnext:  look\n":   "one thing\n       another -> look",
		"error: the disk is full\n":                         "",
		"error: \nnext:  look\n":                            "",
		"error: the disk is full\nnext: \n":                 "",
		"":                                                  "",
		"something else: no idea\nnext:  look at what is said elsewhere": "",
	} {
		got, err := question(said)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", said, got, err)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := reportOf(5, []Row{
		{Fault: "b", Place: "x", Ended: completed},
		{Fault: "a", Place: "x", Ended: aborted, Asked: []string{"what now"}},
		{Fault: "c", Place: "x", Ended: "skipped", Notes: []string{"not here"}},
		{Fault: "d", Place: "x", Ended: "missed"},
	})
	if !r.Sound() || r.String() != "faults 2, survived 2, lost 0; skipped, because this machine does not allow them: 1; came when there was nothing to harm: 1" {
		t.Errorf("%v %s", r.Sound(), r)
	}
	if r.Rows[0].Fault != "a" {
		t.Errorf("rows are not in order: %+v", r.Rows)
	}
	for name, row := range map[string]Row{
		"an error":      {Fault: "e", Ended: "failed", Error: "it hangs"},
		"a lost commit": {Fault: "e", Ended: completed, Lost: 1},
	} {
		if bad := reportOf(5, []Row{row}); bad.Sound() || bad.Survived != 0 || bad.Faults != 1 {
			t.Errorf("%s: %s", name, bad)
		}
	}
	var out bytes.Buffer
	table := &table{out: &out, seed: 5}
	table.begin(1)
	table.add(Row{Fault: "target-killed", Place: held + ", " + after, Ended: "failed", Error: "it hangs"}, "somewhere")
	if !strings.Contains(out.String(), "repeat with: make chaos SEED=5 ONLY='target-killed@held,target-killed@upgrade/after'") {
		t.Errorf("the table does not say how to repeat it: %s", &out)
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	before := map[string]string{"slots": "a\nb", "roles": "x", "gone": "1"}
	if d := Differences(before, map[string]string{"slots": "a\nb", "roles": "x", "gone": "1"}); len(d) != 0 {
		t.Errorf("equal: %v", d)
	}
	d := Differences(before, map[string]string{"slots": "a\nc", "roles": "x", "new": "2"})
	want := []string{"gone changed from: 1 to: ", "slots changed from: b to: c", "new is new"}
	if !slices.Equal(d, want) {
		t.Errorf("%q", d)
	}
}

// A clock that is asked to jump must be built from the library that is there.
func TestClockOverlay(t *testing.T) {
	t.Parallel()
	list, err := clockOverlay(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	changed, err := os.ReadFile(filepath.Join(filepath.Dir(list), "time.go"))
	if err != nil || strings.Count(string(changed), "lullJump") != 3 {
		t.Errorf("%v", err)
	}
}

// TestCarryOn: what survived is not done again, what failed or never came to it is.
func TestCarryOn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "chaos.json")
	if r, err := ReadReport(file); err != nil || len(r.Rows) != 0 {
		t.Fatalf("a report that is not there gave %+v, %v", r, err)
	}
	first := reportOf(7, []Row{{Fault: "ddl", Place: held, Ended: "completed"}, {Fault: "ddl", Place: check, Ended: "failed", Error: "e"}, {Fault: "ddl", Place: catchUp, Ended: "missed"}})
	if err := first.Write(file); err != nil {
		t.Fatal(err)
	}
	earlier, err := ReadReport(file)
	if err != nil || earlier.Seed != 7 {
		t.Fatal(earlier, err)
	}
	all := []Case{{Fault: "ddl", Place: held}, {Fault: "ddl", Place: check}, {Fault: "ddl", Place: catchUp}, {Fault: "ddl", Place: slots}}
	left, kept := without(all, earlier.Rows)
	if len(kept) != 1 || kept[0].Place != held || !slices.Equal(left, all[1:]) {
		t.Errorf("left %v, kept %v", left, kept)
	}
}

// TestJourneys: every case is in one journey, with others of its fault on its side of the switch, in the order in which they come.
func TestJourneys(t *testing.T) {
	t.Parallel()
	all := Catalogue(3, []string{"lease", "b done", "a done", ofReturn + "lease", ofReturn + "a done"}, 20)
	mixed := slices.Clone(all)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	seen := map[Case]int{}
	got := journeys(mixed, all)
	for _, journey := range got {
		if most := faultNamed(journey[0].Fault).together(); len(journey) > most {
			t.Errorf("%d cases of %s are together, at most %d may be", len(journey), journey[0].Fault, most)
		}
		last := -1
		for _, c := range journey {
			seen[c]++
			if c.sharing() != journey[0].sharing() {
				t.Errorf("%s is together with %s", c, journey[0])
			}
			at := slices.Index(order, c.where())
			if at < last {
				t.Errorf("%s comes too late in %v", c, journey)
			}
			last = at
		}
		if !slices.IsSortedFunc(journey, func(a, b Case) int {
			if a.where() != b.where() && a.Fault != killAtWrite {
				return 0
			}
			return slices.Index(all, a) - slices.Index(all, b)
		}) {
			t.Errorf("not in the order of the catalogue: %v", journey)
		}
	}
	for _, c := range all {
		if seen[c] != 1 {
			t.Errorf("%s is there %d times", c, seen[c])
		}
	}
	if most := len(all) / 3; len(got) > most {
		t.Errorf("%d cases make %d maintenances, want at most %d", len(all), len(got), most)
	}
}

// TestSorted: what a journey has not shown is done again, alone if it came to it or went wrong.
func TestSorted(t *testing.T) {
	t.Parallel()
	journey := []Case{{Place: "a"}, {Place: "b"}, {Place: "c"}, {Place: "d"}}
	for name, c := range map[string]struct {
		rows    []Row
		settled int
		again   [][]Case
	}{
		"all survived":     {[]Row{{Ended: completed, faced: true}, {Ended: completed, faced: true}, {Ended: completed, faced: true}, {Ended: completed, faced: true}}, 4, nil},
		"an early end":     {[]Row{{Ended: aborted, faced: true}, {Ended: "missed", faced: true}, {Ended: "missed"}, {Ended: "missed"}}, 1, [][]Case{journey[1:2], journey[2:]}},
		"all went wrong":   {[]Row{{Ended: "failed", Error: "e"}, {Ended: "failed", Error: "e"}, {Ended: "failed", Error: "e"}, {Ended: "failed", Error: "e"}}, 0, [][]Case{journey[:1], journey[1:2], journey[2:3], journey[3:]}},
		"a commit is lost": {[]Row{{Ended: completed, faced: true, Lost: 1}, {Ended: completed, faced: true}, {Ended: completed, faced: true}, {Ended: completed, faced: true}}, 3, [][]Case{journey[:1]}},
	} {
		settled, again := sorted(journey, c.rows)
		if len(settled) != c.settled || !slices.EqualFunc(again, c.again, slices.Equal[[]Case]) {
			t.Errorf("%s: %d settled, again %v", name, len(settled), again)
		}
	}
	if settled, again := sorted(journey[:1], []Row{{Ended: "failed", Error: "e"}}); len(settled) != 1 || again != nil {
		t.Errorf("one alone: %v, %v", settled, again)
	}
}
