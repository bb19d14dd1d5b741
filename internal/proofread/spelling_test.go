package proofread

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hunspell is the machine's, or what scripts/toolchain has unpacked.
func hunspell(t *testing.T) string {
	t.Helper()
	if found, err := exec.LookPath("hunspell"); err == nil {
		return found
	}
	unpacked, err := filepath.Abs("../../.cache/hunspell/bin/hunspell")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath(unpacked); err != nil {
		t.Skip("Hunspell is not there (scripts/toolchain hunspell)")
	}
	return unpacked
}

// The first of these stood on the founding evening's banner.
var texts = []string{
	"Schedulled maintainance of Databasse PostgreSQL, our API and pg_wal, and https://example.com/maintainance: maintainance!",
	"Ask kiri@example.org, or Kiri's `databse`, for {title}. It isn’t late. Frobulator.",
}

func TestHunspellFindsWords(t *testing.T) {
	t.Parallel()
	s := Speller{Program: hunspell(t), Known: []string{"databasse", "KIRI"}}
	got, err := s.Look(t.Context(), "en", texts)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, m := range got {
		found[m.Word] = m.Text
		if m.Word == "maintainance" && (len(m.Rather) == 0 || m.Rather[0] != "maintenance") {
			t.Errorf("proposed: %v", m.Rather)
		}
	}
	if diff := cmp.Diff(map[string]int{"Schedulled": 0, "maintainance": 0, "Frobulator": 1}, found); diff != "" {
		t.Error(diff)
	}
	german, err := s.Look(t.Context(), "de", []string{"Wir warten die Datenbank, und die Warttung ist kurz."})
	if err != nil || len(german) != 1 || german[0].Word != "Warttung" {
		t.Errorf("in German: %v, %v", german, err)
	}
	if _, err := s.Look(t.Context(), "tlh", texts); !errors.Is(err, ErrNoDictionary) {
		t.Errorf("of a language without dictionary: %v", err)
	}
}

func TestWithoutHunspellCommonMisspellingsAreFound(t *testing.T) {
	t.Parallel()
	s := Speller{Program: "no-such-program", Known: []string{"recieve"}}
	got, err := s.Look(t.Context(), "en", append(texts, "You recieve it."))
	if !errors.Is(err, ErrNoDictionary) {
		t.Errorf("said: %v", err)
	}
	if diff := cmp.Diff([]Misspelt{{Word: "maintainance", Rather: []string{"maintenance"}}}, got); diff != "" {
		t.Error(diff)
	}
	if got, err := s.Look(t.Context(), "de", texts); len(got) > 0 || !errors.Is(err, ErrNoDictionary) {
		t.Errorf("in German: %v, %v", got, err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	answer := "@(#) International Ispell Version 3.2.06 (but really Hunspell 1.7.2)\n& teh 4 1: the, eh, tech, Te\n*\n\n\n# xqzt 1\n+ RUN\n# xqzt 9\n\n"
	want := []Misspelt{{"teh", []string{"the", "eh", "tech"}, 0}, {"xqzt", nil, 2}}
	if diff := cmp.Diff(want, read([]byte(answer))); diff != "" {
		t.Error(diff)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("& teh 4 1: the, eh\n\n# x 1\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, m := range read(answer) {
			if m.Word == "" || len(m.Rather) > mostRather {
				t.Errorf("read as %+v", m)
			}
		}
	})
}
