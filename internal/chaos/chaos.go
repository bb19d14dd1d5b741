// Package chaos breaks things around and inside of a running maintenance, on purpose, and
// looks what became of it: real servers, a real pooler, clients that write all the while, and
// one thing that goes wrong at one moment. Whatever it is, a maintenance ends completed, or
// aborted with the source as it was found, and no acknowledged commit is lost.
//
// It knows lull from outside: what a person types and what is printed. It must not import the
// app, the commands or the store.
package chaos

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
)

// Case is one thing that goes wrong at one place of a maintenance. Equal cases do the same.
type Case struct {
	Fault string
	Place string // a step, a moment, or a write of the journal
	Seed  uint64 // of everything in it that is left to chance
}

// String is how a case is named, and chosen.
func (c Case) String() string { return c.Fault + "@" + c.Place }

// seedOf gives a case its seed, which depends on nothing but the harness' seed and its name:
// the case alone repeats what it did among others.
func seedOf(seed uint64, fault, place string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%s", seed, fault, place)
	return h.Sum64()
}

func (c Case) random() *rand.Rand { return rand.New(rand.NewPCG(c.Seed, 0)) }

// Catalogue is every case there is, for a maintenance with the given writes of its journal.
func Catalogue(seed uint64, writes []string, moments int) (out []Case) {
	add := func(fault, place string) {
		out = append(out, Case{Fault: fault, Place: place, Seed: seedOf(seed, fault, place)})
	}
	for _, f := range faults {
		for _, place := range f.places {
			add(f.name, place)
		}
	}
	for _, w := range writes {
		add(killAtWrite, w)
	}
	for n := range moments {
		add(killAtRandom, fmt.Sprintf("moment %d", n+1))
	}
	for _, place := range before(held) {
		add(killAbort, place)
	}
	for _, place := range placesBack {
		add(killReturn, place)
	}
	return out
}

// Select picks cases. Only is a list of words, such as "target-killed" or "target-killed@held":
// a case counts when one of them is its fault, its place, or its name.
func Select(all []Case, only []string, most int, random *rand.Rand) []Case {
	var out []Case
	for _, c := range all {
		if len(only) == 0 || slices.ContainsFunc(only, c.matches) {
			out = append(out, c)
		}
	}
	random.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	if most > 0 && most < len(out) {
		out = spread(out, most)
	}
	return out
}

func (c Case) matches(word string) bool {
	return word == c.Fault || word == c.Place || word == c.String() || strings.HasSuffix(c.Place, "/"+word)
}

// spread takes some of the cases, of as many different faults as there can be.
func spread(cases []Case, most int) (out []Case) {
	for taken := map[string]int{}; len(out) < most; {
		least := slices.MinFunc(cases, func(a, b Case) int { return taken[a.Fault] - taken[b.Fault] })
		taken[least.Fault]++
		out = append(out, least)
		cases = slices.DeleteFunc(slices.Clone(cases), func(c Case) bool { return c == least })
	}
	return out
}
