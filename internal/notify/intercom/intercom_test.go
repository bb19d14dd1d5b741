package intercom_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/maint"
	"github.com/lullhq/lull/internal/markdown"
	"github.com/lullhq/lull/internal/netguard"
	"github.com/lullhq/lull/internal/notify"
	"github.com/lullhq/lull/internal/notify/intercom"
)

func newAccount(t *testing.T, contacts int) (*account, *intercom.API) {
	t.Helper()
	a := &account{t: t, window: 10 * time.Second, limit: 1667, got: map[string][]string{}}
	for i := range contacts {
		a.contacts = append(a.contacts, contact{ID: fmt.Sprintf("c%d", i), Role: "user", Seen: time.Now().Add(-time.Duration(i) * 24 * time.Hour).Unix()})
	}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return a, &intercom.API{Client: netguard.New(netip.MustParsePrefix("127.0.0.0/8")).Client(), Server: server.URL, Token: "T0KEN", Now: time.Now}
}

func message(to string) notify.Message {
	return notify.Message{
		To: notify.Address{Channel: "app", Recipient: to}, Subject: "Maintenance <b>", Text: "When: 17:00\nWhere: here\n\n<script>", Label: "Read more", Link: "https://status.example.com/maintenance/pg17?a=1&b=2", Now: time.Now(),
		Notice: notify.Notice{Subject: "pg17", Window: maint.Window{Start: "2026-12-05 17:00", Zone: "UTC", Allow: time.Hour}, Due: time.Now()},
	}
}

func TestAMessage(t *testing.T) {
	t.Parallel()
	a, api := newAccount(t, 1)
	c := &intercom.Messages{API: api, Admin: 394051}
	if err := c.Send(t.Context(), message("c0")); err != nil {
		t.Fatal(err)
	}
	want := `<p><b>Maintenance &lt;b&gt;</b></p><p>When: 17:00<br>Where: here</p><p>&lt;script&gt;</p><p><a href="https://status.example.com/maintenance/pg17?a=1&amp;b=2">Read more</a></p>`
	if got := a.got["c0"]; len(got) != 1 || got[0] != want {
		t.Errorf("got %q", got)
	}
}

func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	a, api := newAccount(t, 9)
	a.contacts[1].Role = "lead"
	c := &intercom.Messages{API: api, Admin: 1, Active: 5*24*time.Hour + time.Hour}
	all := func(n notify.Notice) (out []string) {
		for after := ""; ; {
			ids, next, err := c.Members(t.Context(), n, after)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, ids...)
			if after = next; after == "" {
				return out
			}
		}
	}
	if got := all(message("").Notice); !slices.Equal(got, []string{"c0", "c2", "c3", "c4", "c5"}) {
		t.Errorf("before: %v", got)
	}
	n := message("").Notice
	n.ToTold, n.Since = true, time.Now().Add(-73*time.Hour)
	if got := all(n); !slices.Equal(got, []string{"c0", "c2", "c3"}) {
		t.Errorf("after: %v", got)
	}
}

// A message whose answer was lost is asked about, and not sent again.
func TestWhatIsNotKnownIsAsked(t *testing.T) {
	t.Parallel()
	a, api := newAccount(t, 2)
	a.lose = 1
	c := &intercom.Messages{API: api, Admin: 1}
	began := time.Now()
	if err := c.Send(t.Context(), message("c0")); !errors.Is(err, notify.ErrUnanswered) {
		t.Fatalf("got %v", err)
	}
	for who, want := range map[string]bool{"c0": true, "c1": false} {
		if came, err := c.Came(t.Context(), message(who), began); err != nil || came != want {
			t.Errorf("%s: %v, %v", who, came, err)
		}
	}
}

// Many at once never pass the limit, and a process that starts in a full window does not either.
func TestTheLimitIsKept(t *testing.T) {
	t.Parallel()
	a, api := newAccount(t, 60)
	a.window, a.limit = time.Second, 20
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			c := &intercom.Messages{API: api, Admin: 1}
			if i >= 50 {
				return
			}
			if err := c.Send(t.Context(), message(fmt.Sprintf("c%d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := 50; i < 60; i++ {
		again := &intercom.API{Client: api.Client, Server: api.Server, Token: api.Token, Now: time.Now}
		if i > 51 {
			again = api
		}
		if err := (&intercom.Messages{API: again, Admin: 1}).Send(t.Context(), message(fmt.Sprintf("c%d", i))); err != nil {
			t.Error(err)
		}
	}
	if a.over != 0 || len(a.got) != 60 || a.most < 15 {
		t.Errorf("%d over the limit, %d told, %d in the fullest window", a.over, len(a.got), a.most)
	}
}

func TestNewsFollowPosts(t *testing.T) {
	t.Parallel()
	a, api := newAccount(t, 0)
	a.news = []map[string]any{{"id": "9", "title": "x", "body": "<p>ours by hand</p>"}, {"id": "8", "title": "x", "body": `<p><a href="https://status.example.com/changes/faster-2">x</a></p>`}}
	c := &intercom.News{API: api, Admin: 7, Feeds: []int64{53}, HTML: markdown.HTML}
	m := notify.Message{Subject: "Faster", Text: "It **is**.", Link: "https://status.example.com/changes/faster", Notice: notify.Notice{Labels: []string{"app"}, At: time.Now()}}
	for range 2 {
		if err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	m.Subject = "Much faster"
	if err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if len(a.news) != 3 || a.news[2]["title"] != "Much faster" || !strings.Contains(a.news[2]["body"].(string), "<strong>is</strong>") {
		t.Errorf("there is: %v", a.news)
	}
	m.Notice.Over = true
	for range 2 {
		if err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.news) != 2 || a.deleted != 1 {
		t.Errorf("left: %v", a.news)
	}
}
