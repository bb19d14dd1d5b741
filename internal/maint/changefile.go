package maint

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// File writes the post as a file that publishes it again: front matter, which is YAML, and below it Markdown. The draft, if there is one.
func (c Change) File(zone *time.Location) []byte {
	post, date, draft := c.Post, c.Posted, c.Draft != nil
	if draft {
		post, date = c.Draft.Post, c.Draft.Due
	}
	var out strings.Builder
	fmt.Fprintf(&out, "---\ntitle: %s\n", quote(post.Title))
	if len(post.Labels) > 0 {
		all := make([]string, len(post.Labels))
		for i, l := range post.Labels {
			all[i] = quote(l)
		}
		fmt.Fprintf(&out, "labels: [%s]\n", strings.Join(all, ", "))
	}
	if post.Maintenance != "" {
		fmt.Fprintf(&out, "maintenance: %s\n", quote(string(post.Maintenance)))
	}
	if !post.Date.IsZero() {
		date = post.Date
	}
	if !date.IsZero() && (draft || !post.Date.IsZero()) {
		fmt.Fprintf(&out, "date: %s\n", date.In(zone).Format(time.RFC3339))
	}
	fmt.Fprintf(&out, "---\n\n%s\n", strings.TrimSpace(post.Text))
	return []byte(out.String())
}

// quote writes a YAML scalar: a string of JSON is one (YAML 1.2.2, section 7.3.1).
func quote(s string) string {
	b, _ := json.Marshal(s) // a string always encodes
	return string(b)
}
