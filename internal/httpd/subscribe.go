package httpd

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lullhq/lull/internal/auth"
	"github.com/lullhq/lull/internal/httpd/public"
	"github.com/lullhq/lull/internal/subscribe"
	"github.com/lullhq/lull/internal/view"
)

// Subscriptions are how people ask to be told.
type Subscriptions struct {
	Book       subscribe.Book
	Ways       []subscribe.Way
	Components []view.Listed
	Secret     func() string // makes one that messages to a program are signed with
	Proxies    int           // before the server, whose word is taken on who asks
}

func (s *Subscriptions) offered() *public.Subscribing {
	if s == nil {
		return nil
	}
	return &public.Subscribing{Ways: s.Ways, Components: s.Components}
}

// Bounds of asking. The book has one of its own for each address, which all servers share.
const (
	askEvery     = time.Minute      // and network, once the burst is used up
	askBurst     = 10               //
	reachEvery   = 20 * time.Minute // and address that messages go to
	reachBurst   = 3                //
	allEvery     = time.Second      // and server, whoever asks
	allBurst     = 300              //
	guessEvery   = 6 * time.Second  // and network, with links that do not hold
	guessBurst   = 20               //
	askersKept   = 4096             // networks, and addresses, that are remembered
	biggestForm  = 32 << 10         // bytes
	oneClickBody = "One-Click"      // RFC 8058, section 3.2
)

// asking is who asked how often.
type asking struct {
	networks, addresses, all, guesses *auth.Throttle
	origin                            *http.CrossOriginProtection
}

func newAsking(page string) *asking {
	a := &asking{
		networks: auth.NewThrottle(askEvery, askBurst, askersKept), addresses: auth.NewThrottle(reachEvery, reachBurst, askersKept),
		all: auth.NewThrottle(allEvery, allBurst, 1), guesses: auth.NewThrottle(guessEvery, guessBurst, askersKept),
		origin: http.NewCrossOriginProtection(),
	}
	if u, err := url.Parse(page); err == nil && u.Host != "" {
		_ = a.origin.AddTrustedOrigin(u.Scheme + "://" + u.Host) // it has a scheme and a host
	}
	return a
}

// subscribing adds the addresses, each also below the name of each language.
func (s *Server) subscribing(mux *http.ServeMux) {
	for _, lang := range append([]string{""}, s.site.Offered()...) {
		if lang != "" {
			lang = "/" + lang
		}
		mux.HandleFunc("GET "+lang+"/subscribe", s.subscribe)
		mux.HandleFunc("POST "+lang+"/subscribe", s.ask)
		mux.HandleFunc("GET "+lang+"/subscription/{link}", s.subscription)
		mux.HandleFunc("POST "+lang+"/subscription/{link}", s.choose)
	}
}

// subscribe shows the form.
func (s *Server) subscribe(w http.ResponseWriter, r *http.Request) {
	s.formPage(w, r, http.StatusOK, public.Subscription{Title: "told.title", Text: "told.text", Action: "/subscribe", Choice: subscribe.Choice{Kinds: []subscribe.Kind{subscribe.Maintenances, subscribe.Incidents}}})
}

// ask takes the form. The answer is the same whether the address is known, unknown or suppressed, and whether something was sent just now.
func (s *Server) ask(w http.ResponseWriter, r *http.Request) {
	now := s.opts.Now()
	if !s.readForm(w, r) || s.tooOften(w, r, s.asking.networks, s.caller(r)) || s.tooOften(w, r, s.asking.all, "") {
		return
	}
	way := subscribe.Way(r.PostForm.Get("way"))
	choice, err := s.chosen(r)
	address, wrong := way.Address(r.PostForm.Get("address"))
	if err != nil || wrong != nil || !slices.Contains(s.opts.Subscribe.Ways, way) {
		s.formPage(w, r, http.StatusUnprocessableEntity, public.Subscription{Title: "told.title", Action: "/subscribe", Way: way, Choice: s.said(r), Wrong: true})
		return
	}
	if _, ok := s.asking.addresses.Take(string(way)+" "+address, now); ok {
		who := subscribe.Subscriber{Way: way, Address: address, Choice: choice}
		if way == subscribe.Webhook {
			who.Secret = s.opts.Subscribe.Secret()
		}
		if err := s.opts.Subscribe.Book.Ask(r.Context(), who, now); err != nil {
			s.unwritten(w, r, err)
			return
		}
	}
	s.formPage(w, r, http.StatusOK, public.Subscription{Title: "told.sent", Text: "told.sent.text"})
}

// subscription shows what the holder of a link is told. It changes nothing: programs that look for malice follow links in mail.
func (s *Server) subscription(w http.ResponseWriter, r *http.Request) {
	who, err := s.opts.Subscribe.Book.Holder(r.Context(), linkOf(r), s.opts.Now())
	if err != nil {
		s.noLink(w, r, err)
		return
	}
	s.held(w, r, who, "told.manage", "", false)
}

func (s *Server) held(w http.ResponseWriter, r *http.Request, who subscribe.Subscriber, title, text string, wrong bool) {
	if text == "" && who.State == subscribe.Pending {
		text = "told.pending"
	}
	code := http.StatusOK
	if wrong {
		code = http.StatusUnprocessableEntity
	}
	choice := who.Choice
	if len(choice.Kinds) == 0 {
		choice.Kinds = []subscribe.Kind{subscribe.Maintenances, subscribe.Incidents}
	}
	s.formPage(w, r, code, public.Subscription{Title: title, Text: text, Action: "/subscription/" + string(linkOf(r)), Held: &who, Choice: choice, Wrong: wrong})
}

// choose takes what the holder of a link decides, or the one click of a program for mail.
func (s *Server) choose(w http.ResponseWriter, r *http.Request) {
	if !s.readForm(w, r) {
		return
	}
	now := s.opts.Now()
	book := s.opts.Subscribe.Book
	if r.PostForm.Get("List-Unsubscribe") == oneClickBody || r.PostForm.Get("do") == "leave" {
		if err := book.Leave(r.Context(), linkOf(r), now); err != nil {
			s.noLink(w, r, err)
			return
		}
		s.formPage(w, r, http.StatusOK, public.Subscription{Title: "told.left"})
		return
	}
	choice, wrong := s.chosen(r)
	if wrong == nil {
		if err := book.Choose(r.Context(), linkOf(r), choice, now); err != nil {
			s.noLink(w, r, err)
			return
		}
	}
	who, err := book.Holder(r.Context(), linkOf(r), now)
	switch {
	case err != nil:
		s.noLink(w, r, err)
	case wrong != nil:
		s.held(w, r, who, "told.manage", "", true)
	default:
		text := "told.saved"
		if who.State == subscribe.Suppressed {
			text = ""
		}
		s.held(w, r, who, "told.manage", text, false)
	}
}

func linkOf(r *http.Request) subscribe.Link { return subscribe.Link(r.PathValue("link")) }

// said is what a form says, whether it can be taken or not.
func (s *Server) said(r *http.Request) (c subscribe.Choice) {
	for _, k := range r.PostForm["kind"] {
		c.Kinds = append(c.Kinds, subscribe.Kind(k))
	}
	c.Components, c.Language, c.Zone = r.PostForm["component"], r.PostForm.Get("language"), r.PostForm.Get("zone")
	return c
}

func (s *Server) chosen(r *http.Request) (subscribe.Choice, error) {
	var components []string
	for _, c := range s.opts.Subscribe.Components {
		components = append(components, c.ID)
	}
	return s.said(r).Check(components, s.site.Offered())
}

// readForm takes no form that another site's page has sent.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request) bool {
	if err := s.asking.origin.Check(r); err != nil {
		http.Error(w, "this form came from another site", http.StatusForbidden)
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, biggestForm)
	err := r.ParseForm()
	if err == nil && strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		err = r.ParseMultipartForm(biggestForm)
	}
	if err != nil {
		http.Error(w, "this form cannot be read", http.StatusBadRequest)
		return false
	}
	if r.MultipartForm != nil {
		r.PostForm = r.MultipartForm.Value
	}
	return true
}

func (s *Server) caller(r *http.Request) string {
	return auth.Caller(r.RemoteAddr, r.Header.Values("X-Forwarded-For"), s.opts.Subscribe.Proxies)
}

func (s *Server) tooOften(w http.ResponseWriter, r *http.Request, t *auth.Throttle, name string) bool {
	wait, ok := t.Take(name, s.opts.Now())
	if !ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		s.formPage(w, r, http.StatusTooManyRequests, public.Subscription{Title: "told.many", Text: "told.many.text"})
	}
	return !ok
}

// noLink answers for a link that does not hold, and slows down who guesses.
func (s *Server) noLink(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, subscribe.ErrNoLink) {
		s.unwritten(w, r, err)
		return
	}
	if s.tooOften(w, r, s.asking.guesses, s.caller(r)) {
		return
	}
	s.formPage(w, r, http.StatusNotFound, public.Subscription{Title: "told.over", Text: "told.over.text", Action: "/subscribe", Choice: subscribe.Choice{Kinds: []subscribe.Kind{subscribe.Maintenances, subscribe.Incidents}}})
}

// unwritten answers when the store is away.
func (s *Server) unwritten(w http.ResponseWriter, r *http.Request, err error) {
	s.opts.Log.WarnContext(r.Context(), "a subscription cannot be read or written", "error", err)
	w.Header().Set("Retry-After", "60")
	s.problem(w, r, http.StatusServiceUnavailable, public.Starting)
}

// formPolicy is that of pages, with forms that go to the page's own server.
var formPolicy = strings.Replace(policy, "form-action 'none'", "form-action 'self'", 1)

func (s *Server) formPage(w http.ResponseWriter, r *http.Request, code int, x public.Subscription) {
	if x.Lang, _, _ = strings.Cut(strings.TrimPrefix(s.below(r.URL.Path), "/"), "/"); !slices.Contains(s.site.Offered(), x.Lang) {
		x.Lang = s.languageOf(r)
	}
	page, err := s.site.Subscription(x)
	if err != nil {
		s.unwritten(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", formPolicy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	w.WriteHeader(code)
	_, _ = w.Write(page) // the reader has gone: nobody to tell
}
