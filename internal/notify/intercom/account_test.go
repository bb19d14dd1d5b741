package intercom_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// account is what Intercom documents (Intercom-OpenAPI, descriptions/2.14: /messages, /contacts/search, /contacts/{id}, /news/news_items;
// "Rate limiting" of its reference): required fields, operators of date fields, limits a window, headers.
type account struct {
	t      *testing.T
	window time.Duration
	limit  int
	lose   int // so many messages are taken, and their answers lost

	mu       sync.Mutex
	reset    time.Time
	used     int
	over     int
	most     int // requests of the fullest window
	contacts []contact
	got      map[string][]string // bodies by contact
	news     []map[string]any
	deleted  int
}

type contact struct {
	ID   string `json:"id"`
	Role string `json:"role"`
	Seen int64  `json:"last_seen_at"`
	Last int64  `json:"last_contacted_at"`
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer T0KEN" || r.Header.Get("Intercom-Version") != "2.14" {
		a.t.Errorf("headers: %v", r.Header)
	}
	if now := time.Now(); !now.Before(a.reset) {
		a.reset, a.used = now.Truncate(time.Second).Add(a.window), 0
	}
	a.used++
	a.most = max(a.most, a.used)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-RateLimit-Limit", strconv.Itoa(a.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, a.limit-a.used)))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(a.reset.Unix(), 10))
	if a.used > a.limit {
		a.over++
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprintf(w, `{"type":"error.list","errors":[{"code":"rate_limit_exceeded","message":"Exceeded rate limit of %d in 10_seconds"}]}`, a.limit)
		return
	}
	var body map[string]any
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			a.t.Errorf("body: %v", err)
		}
	}
	switch id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; {
	case r.URL.Path == "/messages" && r.Method == http.MethodPost:
		a.message(w, body)
	case r.URL.Path == "/contacts/search" && r.Method == http.MethodPost:
		a.search(w, body)
	case strings.HasPrefix(r.URL.Path, "/contacts/") && r.Method == http.MethodGet:
		_ = json.NewEncoder(w).Encode(a.contacts[a.find(id)])
	case strings.HasPrefix(r.URL.Path, "/news/news_items"):
		a.newsItems(w, r, id, body)
	default:
		a.t.Errorf("%s %s", r.Method, r.URL)
	}
}

func (a *account) find(id string) int {
	return slices.IndexFunc(a.contacts, func(c contact) bool { return c.ID == id })
}

func (a *account) message(w http.ResponseWriter, body map[string]any) {
	from, _ := body["from"].(map[string]any)
	to, _ := body["to"].(map[string]any)
	_, isNumber := from["id"].(float64)
	id, _ := to["id"].(string)
	at := a.find(id)
	text, _ := body["body"].(string)
	if body["message_type"] != "inapp" || text == "" || from["type"] != "admin" || !isNumber || to["type"] != "user" || at < 0 {
		a.t.Errorf("message: %v", body)
		return
	}
	a.got[id] = append(a.got[id], text)
	a.contacts[at].Last = time.Now().Unix()
	if a.lose > 0 {
		a.lose--
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, `{"type":"admin_message","id":"%d","created_at":%d,"message_type":"inapp","body":"x"}`, len(a.got), time.Now().Unix())
}

func (a *account) search(w http.ResponseWriter, body map[string]any) {
	var q struct {
		Query struct {
			Operator string
			Value    []struct {
				Field, Operator string
				Value           any
			}
		}
		Pagination struct {
			PerPage int    `json:"per_page"`
			After   string `json:"starting_after"`
		}
	}
	text, _ := json.Marshal(body)
	if err := json.Unmarshal(text, &q); err != nil || q.Query.Operator != "AND" || len(q.Query.Value) != 2 || q.Pagination.PerPage != 150 {
		a.t.Errorf("search: %s", text)
	}
	role, seen := q.Query.Value[0], q.Query.Value[1]
	if role.Field != "role" || role.Operator != "=" || seen.Field != "last_seen_at" || !slices.Contains([]string{"=", "<", ">"}, seen.Operator) {
		a.t.Errorf("search: %s", text)
	}
	var found []contact
	for _, c := range a.contacts {
		if c.Role == role.Value && float64(c.Seen) > seen.Value.(float64) {
			found = append(found, c)
		}
	}
	from, _ := strconv.Atoi(q.Pagination.After)
	page := found[from:min(from+2, len(found))] // two, so that there are pages
	pages := map[string]any{"type": "pages", "page": from/2 + 1, "per_page": 150}
	if from+2 < len(found) {
		pages["next"] = map[string]any{"per_page": 150, "starting_after": strconv.Itoa(from + 2)}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "list", "data": page, "total_count": len(found), "pages": pages})
}

func (a *account) newsItems(w http.ResponseWriter, r *http.Request, id string, body map[string]any) {
	if body != nil {
		_, isNumber := body["sender_id"].(float64)
		if body["title"] == "" || !isNumber || body["state"] != "live" {
			a.t.Errorf("news: %v", body)
		}
		for _, x := range body["newsfeed_assignments"].([]any) {
			if int64(x.(map[string]any)["published_at"].(float64)) > time.Now().Unix() {
				a.t.Error("it is published in the future, which Intercom refuses")
			}
		}
	}
	at := slices.IndexFunc(a.news, func(n map[string]any) bool { return n["id"] == id })
	switch r.Method {
	case http.MethodGet:
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "list", "data": a.news[min(page-1, len(a.news)):min(page, len(a.news))], "pages": map[string]any{"total_pages": len(a.news)}})
	case http.MethodPost:
		body["id"] = fmt.Sprint(len(a.news) + 1)
		a.news = append(a.news, body)
		fmt.Fprint(w, `{}`)
	case http.MethodPut:
		body["id"] = id
		a.news[at] = body
		fmt.Fprint(w, `{}`)
	case http.MethodDelete:
		a.news = slices.Delete(a.news, at, at+1)
		a.deleted++
		fmt.Fprint(w, `{}`)
	}
}
