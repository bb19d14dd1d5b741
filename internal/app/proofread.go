package app

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/lullhq/lull/internal/checks"
	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/pgup/preflight"
	"github.com/lullhq/lull/internal/proofread"
)

// passage is a text that people will read.
type passage struct {
	where    string // "plan.yaml:2:8, title"
	language string
	text     string
}

// passages are what a person has written for the readers of a maintenance.
func (a *App) passages(p *config.Plan) ([]passage, error) {
	words, err := a.words()
	if err != nil {
		return nil, err
	}
	out := []passage{
		{config.Place(p.File, "title") + ", title", words.Language, p.Title},
		{config.Place(p.File, "summary") + ", summary", words.Language, p.Summary},
	}
	for _, name := range slices.Sorted(maps.Keys(words.Own)) {
		parts := strings.Split(name, ".") // a kind and a language: see notify.TextName
		out = append(out, passage{filepath.Join(a.Config.Notices.Words, name+".txt"), parts[1], words.Own[name].String()})
	}
	return out, nil
}

// proofFindings read once more what people are going to read.
func (a *App) proofFindings(ctx context.Context, p *config.Plan, m maint.Maintenance) ([]checks.Finding, error) {
	passages, err := a.passages(p)
	if err != nil {
		return nil, err
	}
	links := linksIn(passages)
	spelt := a.spellings(links)
	if page, linked := a.pageLink(m); linked {
		links = append(links, page)
	}
	return slices.Concat(linkFindings(a.follow(ctx, links)), spelt, a.misspelt(ctx, passages)), nil
}

// proofAnnouncement refuses a plan in which somebody has written an address that answers otherwise than 200, and gives in sentences
// what else is to be looked at. That nothing answers may be the fault of this machine.
func (a *App) proofAnnouncement(ctx context.Context, p *config.Plan) (string, error) {
	passages, err := a.passages(p)
	if err != nil {
		return "", err
	}
	links := linksIn(passages)
	followed := a.follow(ctx, links)
	for _, f := range followed {
		var answered *proofread.Answered
		if errors.As(f.err, &answered) {
			return "", hint.Wrap(maint.Refuse("%s: %s: %v", f.Where, f.Address, f.err), preflight.Find("link-dead").Fix)
		}
	}
	text := ""
	for _, f := range slices.Concat(linkFindings(followed), a.spellings(links), a.misspelt(ctx, passages)) {
		if f.Severity != checks.Note { // lull check says it
			text += " Look again: " + f.Text
		}
	}
	return text, nil
}

func linksIn(passages []passage) (out []proofread.Written) {
	for _, t := range passages {
		for _, address := range proofread.Links(t.text) {
			out = append(out, proofread.Written{Address: address, Where: t.where})
		}
	}
	return out
}

// pageLink is the address of the status page that people are sent to: the maintenance's own as soon as it is announced. Where nobody
// is told anything it is not linked.
func (a *App) pageLink(m maint.Maintenance) (w proofread.Written, linked bool) {
	w = proofread.Written{Address: a.Config.Server.URL + "/", Where: "the status page"}
	if m.State != maint.Draft {
		w.Address = a.address(m.ID)
	}
	return w, len(a.Config.Channels) > 0 || a.Config.Subscribers.Set || len(a.Config.Sites) > 0
}

const linksAtOnce = 8

// followed is an address, and what came of fetching it: nil = it answers.
type followed struct {
	proofread.Written
	err error
}

// follow fetches each address.
func (a *App) follow(ctx context.Context, links []proofread.Written) []followed {
	client := a.guard().Client()
	out := make([]followed, len(links))
	var all errgroup.Group
	all.SetLimit(linksAtOnce)
	for i, l := range links {
		all.Go(func() error {
			out[i] = followed{l, proofread.Answers(ctx, client, l.Address)}
			return nil
		})
	}
	_ = all.Wait() // what went wrong is in its place
	return out
}

func linkFindings(links []followed) (out []checks.Finding) {
	wrong := map[string][]checks.Object{}
	for _, l := range links {
		id := "link-dead"
		switch {
		case l.err == nil:
			continue
		case errors.Is(l.err, netguard.ErrPrivate):
			id = "link-private"
		case errors.Is(l.err, proofread.ErrElsewhere):
			id = "link-elsewhere"
		}
		wrong[id] = append(wrong[id], checks.Object{Name: l.Address, Detail: l.Where + ": " + l.err.Error()})
	}
	for _, id := range slices.Sorted(maps.Keys(wrong)) {
		out = append(out, preflight.Find(id).Finding("", wrong[id]))
	}
	return out
}

// spellings tell of addresses that stand there in more than one.
func (a *App) spellings(links []proofread.Written) []checks.Finding {
	all := append(slices.Clone(links), proofread.Written{Address: a.Config.Server.URL, Where: config.Place(a.Config.File, "server", "url")})
	for _, id := range slices.Sorted(maps.Keys(a.Config.Sites)) {
		all = append(all, proofread.Written{Address: a.Config.Sites[id].URL, Where: config.Place(a.Config.File, "sites", id, "url")})
	}
	var found []checks.Object
	for _, group := range proofread.Spellings(all) {
		var rest []string
		for _, w := range group[1:] {
			rest = append(rest, w.Address+" in "+w.Where)
		}
		found = append(found, checks.Object{Name: group[0].Address, Detail: group[0].Where + "; " + strings.Join(rest, "; ")})
	}
	if len(found) == 0 {
		return nil
	}
	return []checks.Finding{preflight.Find("link-spellings").Finding("", found)}
}

// misspelt are the words that no dictionary has, and the languages for which there is none.
func (a *App) misspelt(ctx context.Context, passages []passage) (out []checks.Finding) {
	byLanguage := map[string][]passage{}
	for _, t := range passages {
		byLanguage[t.language] = append(byLanguage[t.language], t)
	}
	speller := proofread.Speller{Known: a.knownWords()}
	var words, unread []checks.Object
	for _, lang := range slices.Sorted(maps.Keys(byLanguage)) {
		var texts []string
		for _, t := range byLanguage[lang] {
			texts = append(texts, t.text)
		}
		found, err := speller.Look(ctx, lang, texts)
		if err != nil { // it only warns, so it never stands in the way
			unread = append(unread, checks.Object{Name: lang, Detail: err.Error()})
		}
		for _, m := range found {
			o := checks.Object{Name: m.Word, Detail: byLanguage[lang][m.Text].where}
			if len(m.Rather) > 0 {
				o.Detail += ": " + strings.Join(m.Rather, ", ") + "?"
			}
			words = append(words, o)
		}
	}
	if len(words) > 0 {
		out = append(out, preflight.Find("spelling").Finding("", words))
	}
	if len(unread) > 0 {
		out = append(out, preflight.Find("spelling-not-read").Finding("", unread))
	}
	return out
}

// knownWords are those of the project: the ones that lull.yaml lists, and the names in it.
func (a *App) knownWords() []string {
	names := []string{a.Config.Organization, a.Config.Author, a.Config.Contact, "Lull"}
	for _, c := range a.Config.Components {
		names = append(names, c.ID, c.Name, c.Group)
	}
	return append(strings.Fields(strings.Join(names, " ")), a.Config.Spelling...)
}
