package proofread

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/golangci/misspell"

	"github.com/lullhq/lull/internal/proc"
)

// Speller looks for words that are misspelt. It asks Hunspell with the dictionaries that the machine has.
type Speller struct {
	Program string   // "" = hunspell
	Known   []string // words that are right though no dictionary has them: any upper and lower case will do
}

// Misspelt is a word that no dictionary has.
type Misspelt struct {
	Word   string
	Rather []string // what may be meant, the likeliest first
	Text   int      // which of the texts
}

// ErrNoDictionary says that the machine has no Hunspell, or no dictionary of that language. For English the misspellings that are
// known to be common were looked for all the same.
var ErrNoDictionary = errors.New("there is no dictionary")

// spellDeadline is for a program that reads a few pages.
const spellDeadline = 30 * time.Second

// Look gives the words of texts in a language ("en") that are misspelt, each once a text.
func (s Speller) Look(ctx context.Context, language string, texts []string) ([]Misspelt, error) {
	if s.Program == "" {
		s.Program = "hunspell"
	}
	plain := make([]string, len(texts))
	for i, t := range texts {
		plain[i] = s.words(t)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, spellDeadline, fmt.Errorf("it took longer than %s", spellDeadline))
	defer cancel()
	names, err := s.dictionaries(ctx, language)
	if err != nil {
		return common(language, plain), err
	}
	// A dictionary of Hunspell's is one country's, and texts say "organisation" where others say "organization".
	out, err := proc.Run(ctx, proc.Cmd{
		Name: s.Program, Args: []string{s.Program, "-a", "-i", "UTF-8", "-d", strings.Join(names, ",")}, Stdin: asked(plain),
	})
	if err != nil {
		return nil, fmt.Errorf("look at the spelling: %w", err)
	}
	return read(out), nil
}

// dictionaries are those of a language that Hunspell finds on this machine.
func (s Speller) dictionaries(ctx context.Context, language string) ([]string, error) {
	if _, err := exec.LookPath(s.Program); err != nil {
		return nil, fmt.Errorf("%w: %s is not installed", ErrNoDictionary, s.Program)
	}
	// It lists them on its standard error, and goes on to look for one in the language of the shell, which need not be there.
	list, _ := proc.Run(ctx, proc.Cmd{Name: s.Program, Args: []string{"/bin/sh", "-c", `exec "$0" -D 2>&1 </dev/null`, s.Program}})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("list the dictionaries: %w", context.Cause(ctx))
	}
	var names, files []string
	for line := range strings.Lines(string(list)) {
		path := strings.TrimSpace(line)
		name := filepath.Base(path)
		if !filepath.IsAbs(path) || strings.Contains(path, ":") || name != language && !strings.HasPrefix(name, language+"_") {
			continue
		}
		file, err := filepath.EvalSymlinks(path + ".dic")
		if err != nil || slices.Contains(files, file) {
			continue // the same words for another country
		}
		files, names = append(files, file), append(names, path)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w of the language %q for %s", ErrNoDictionary, language, s.Program)
	}
	return names, nil
}

// asked is what Hunspell is given: a line a text, which it takes as such because of its first sign (hunspell(1), -a).
func asked(texts []string) []byte {
	var b bytes.Buffer
	for _, t := range texts {
		b.WriteString("^" + t + "\n")
	}
	return b.Bytes()
}

const mostRather = 3

// read takes Hunspell's answer apart: a line a word, and an empty line after each text.
func read(answer []byte) (out []Misspelt) {
	text := 0
	lines := bufio.NewScanner(bytes.NewReader(answer))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			text++
			continue
		}
		if line[0] != '&' && line[0] != '#' { // right, or the program's name
			continue
		}
		head, rather, _ := strings.Cut(line, ": ")
		fields := strings.Fields(head)
		if len(fields) < 2 {
			continue
		}
		m := Misspelt{Word: fields[1], Text: text}
		if rather != "" {
			m.Rather = strings.Split(rather, ", ")
			m.Rather = m.Rather[:min(len(m.Rather), mostRather)]
		}
		out = add(out, m)
	}
	return out
}

func add(all []Misspelt, m Misspelt) []Misspelt {
	if slices.ContainsFunc(all, func(x Misspelt) bool { return x.Text == m.Text && x.Word == m.Word }) {
		return all
	}
	return append(all, m)
}

// common looks for misspellings that many people make. Only English has a list of them.
func common(language string, texts []string) (out []Misspelt) {
	if language != "en" {
		return nil
	}
	words := map[string][]Misspelt{}
	for i, t := range texts {
		for _, w := range strings.FieldsFunc(t, func(r rune) bool { return !unicode.IsLetter(r) }) {
			key := strings.ToLower(w)
			words[key] = add(words[key], Misspelt{Word: w, Text: i})
		}
	}
	for i := 0; i+1 < len(misspell.DictMain); i += 2 { // pairs: what is written, and what is meant
		for _, m := range words[misspell.DictMain[i]] {
			m.Rather = []string{misspell.DictMain[i+1]}
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b Misspelt) int { return cmp.Or(cmp.Compare(a.Text, b.Text), cmp.Compare(a.Word, b.Word)) })
	return out
}

// code is what is no prose in a text: places to be filled in, and what stands between backticks.
var code = regexp.MustCompile("`[^`]*`|\\{[a-z]+\\}|[\\w.+-]+@[\\w.-]+")

// words leaves of a text what a dictionary can know, on one line: no addresses, no code, no names of things, no known words.
func (s Speller) words(text string) string {
	text = code.ReplaceAllString(link.ReplaceAllString(text, " "), " ")
	var out []string
	for _, w := range strings.Fields(text) {
		bare := strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		bare = strings.TrimSuffix(strings.TrimSuffix(bare, "'s"), "’s")
		if isName(bare) || s.known(bare) {
			continue
		}
		out = append(out, strings.ReplaceAll(w, "’", "'"))
	}
	return strings.Join(out, " ")
}

func (s Speller) known(word string) bool {
	return slices.ContainsFunc(s.Known, func(k string) bool { return strings.EqualFold(k, word) })
}

// isName tells PostgreSQL, pg_wal, API and v17 from words: capitals after the first letter, digits, signs inside.
func isName(w string) bool {
	for i, r := range w {
		if unicode.IsDigit(r) || i > 0 && unicode.IsUpper(r) || strings.ContainsRune("_./:=@#$%&\\", r) {
			return true
		}
	}
	return false
}
