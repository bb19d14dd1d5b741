package notifytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// Vendors are rooms where people talk, each as a server that refuses what its vendor refuses: by the limits, the required fields and the
// known values that the vendor documents. None of them publishes a schema that is also what its server goes by.
var Vendors = map[string]http.Handler{"slack": vendor(slack), "discord": vendor(discord), "teams": vendor(teams), "ntfy": vendor(ntfy)}

// vendor answers as all of them do: 200, or 400 with a reason.
func vendor(complain func(r *http.Request, body []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = complain(r, body)
		}
		if r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			err = errors.New("this takes a POST of JSON")
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
}

// strict reads JSON that has no field but those of the type.
func strict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// length is in UTF-16, in which no counting is longer: two for what is outside of the basic plane.
func length(s string) int { return len(utf16.Encode([]rune(s))) }

func between(what, s string, least, most int) error {
	if n := length(s); n < least || n > most {
		return fmt.Errorf("%s has %d characters, from %d to %d may be there", what, n, least, most)
	}
	return nil
}

func web(what, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%s is no address of the web", what)
	}
	return nil
}

// control is what calls people, or stands for more than text, in Slack's markup; a link and a date are let through.
var control = regexp.MustCompile(`<[^>]*>`)

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// slack goes by docs.slack.dev, "Blocks", "Text object" and "chat.postMessage", of 2026.
func slack(_ *http.Request, body []byte) error {
	var m struct {
		Text   string `json:"text"`
		Blocks []struct {
			Type    string      `json:"type"`
			ID      string      `json:"block_id"`
			Text    *slackText  `json:"text"`
			Fields  []slackText `json:"fields"`
			Expands bool        `json:"expand"`
		} `json:"blocks"`
		Unfurl bool `json:"unfurl_links"`
	}
	if err := strict(body, &m); err != nil {
		return fmt.Errorf("invalid_payload: %w", err)
	}
	if m.Text == "" && len(m.Blocks) == 0 {
		return errors.New("no_text")
	}
	err := errors.Join(between("text", m.Text, 0, 40_000), calls(m.Text))
	if len(m.Blocks) > 50 {
		err = errors.Join(err, errors.New("more than 50 blocks"))
	}
	for _, b := range m.Blocks {
		texts := slices.Clone(b.Fields)
		most := 2000
		if b.Text != nil {
			texts, most = append(texts, *b.Text), 3000
		}
		switch {
		case b.Type == "header" && (b.Text == nil || b.Text.Type != "plain_text" || len(b.Fields) > 0):
			err = errors.Join(err, errors.New("a header has one text, and that is plain"))
		case b.Type == "header":
			most = 150
		case b.Type != "section":
			err = errors.Join(err, fmt.Errorf("unknown block %q", b.Type))
		case len(texts) == 0 || len(b.Fields) > 10:
			err = errors.Join(err, errors.New("a section has a text, or up to ten fields"))
		}
		for _, t := range texts {
			if err = errors.Join(err, between("the text of a "+b.Type, t.Text, 1, most)); t.Type == "mrkdwn" {
				err = errors.Join(err, calls(t.Text))
			} else if t.Type != "plain_text" {
				err = errors.Join(err, fmt.Errorf("unknown text %q", t.Type))
			}
		}
	}
	if err != nil {
		return fmt.Errorf("invalid_blocks: %w", err)
	}
	return nil
}

// calls is what Slack would not refuse, and nobody wants: a whole room that is called.
func calls(s string) error {
	for _, c := range control.FindAllString(s, -1) {
		if !strings.HasPrefix(c, "<!date^") && !strings.HasPrefix(c, "<https://") && !strings.HasPrefix(c, "<http://") {
			return fmt.Errorf("%s is a command", c)
		}
	}
	return nil
}

// discord goes by discord.com/developers/docs, "Execute Webhook", "Embed Limits" and "Allowed Mentions Object", of 2026.
func discord(r *http.Request, body []byte) error {
	var m struct {
		Content string `json:"content"`
		Embeds  []struct {
			Title       string `json:"title"`
			URL         string `json:"url"`
			Description string `json:"description"`
		} `json:"embeds"`
		Allowed *struct {
			Parse []string `json:"parse"`
		} `json:"allowed_mentions"`
	}
	if err := strict(body, &m); err != nil {
		return fmt.Errorf("50109: %w", err)
	}
	if m.Content == "" && len(m.Embeds) == 0 {
		return errors.New("50006: Cannot send an empty message")
	}
	err := between("content", m.Content, 0, 2000)
	if len(m.Embeds) > 10 {
		err = errors.Join(err, errors.New("more than 10 embeds"))
	}
	all := 0
	for _, e := range m.Embeds {
		err = errors.Join(err, between("title", e.Title, 0, 256), between("description", e.Description, 0, 4096), web("url", e.URL))
		all += length(e.Title) + length(e.Description)
	}
	if all > 6000 {
		err = errors.Join(err, errors.New("the embeds have more than 6000 characters"))
	}
	if m.Allowed == nil || len(m.Allowed.Parse) > 0 { // Discord would call everybody instead
		err = errors.Join(err, errors.New("who may be mentioned is left open"))
	}
	if r.URL.Query().Get("wait") != "true" {
		err = errors.Join(err, errors.New("nobody waits for the message"))
	}
	if err != nil {
		return fmt.Errorf("50035: Invalid Form Body: %w", err)
	}
	return nil
}

type cardElement struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Size   string `json:"size"`
	Weight string `json:"weight"`
	Wrap   bool   `json:"wrap"`
	Title  string `json:"title"`
	URL    string `json:"url"`
}

// teams goes by Microsoft's "Create incoming webhooks with Workflows" (a message of 28 KB at most), and by the schema of Adaptive Cards
// 1.4: the required fields and the values of TextBlock and Action.OpenUrl. msteams is an extension of Teams.
func teams(_ *http.Request, body []byte) error {
	var m struct {
		Type        string `json:"type"`
		Attachments []struct {
			ContentType string  `json:"contentType"`
			ContentURL  *string `json:"contentUrl"`
			Content     struct {
				Schema  string            `json:"$schema"`
				Type    string            `json:"type"`
				Version string            `json:"version"`
				Lang    string            `json:"lang"`
				Body    []cardElement     `json:"body"`
				Actions []cardElement     `json:"actions"`
				Teams   map[string]string `json:"msteams"`
			} `json:"content"`
		} `json:"attachments"`
	}
	if len(body) > 28<<10 {
		return fmt.Errorf("the message has %d bytes, 28 KB may be there", len(body))
	}
	if err := strict(body, &m); err != nil {
		return err
	}
	if m.Type != "message" || len(m.Attachments) != 1 || m.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || m.Attachments[0].ContentURL != nil {
		return errors.New("this is no message with one adaptive card")
	}
	card := m.Attachments[0].Content
	if card.Type != "AdaptiveCard" || !slices.Contains([]string{"1.0", "1.1", "1.2", "1.3", "1.4"}, card.Version) || card.Schema != "http://adaptivecards.io/schemas/adaptive-card.json" {
		return errors.New("this is no adaptive card of a version that every client takes")
	}
	var err error
	for _, e := range card.Body {
		if e.Type != "TextBlock" || e.Text == "" || e.URL+e.Title != "" || !slices.Contains([]string{"", "default", "small", "medium", "large", "extralarge"}, strings.ToLower(e.Size)) ||
			!slices.Contains([]string{"", "default", "lighter", "bolder"}, strings.ToLower(e.Weight)) {
			err = errors.Join(err, fmt.Errorf("no TextBlock: %.80v", e))
		}
	}
	for _, e := range card.Actions {
		if e.Type != "Action.OpenUrl" || e.Text+e.Size+e.Weight != "" {
			err = errors.Join(err, fmt.Errorf("no Action.OpenUrl: %.80v", e))
		}
		err = errors.Join(err, web("url", e.URL))
	}
	if v, set := card.Teams["width"]; set && v != "Full" {
		err = errors.Join(err, errors.New("unknown width"))
	}
	return err
}

var topic = regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`)

// ntfy goes by docs.ntfy.sh, "Publish as JSON" and "Limitations": what is longer than 4,096 bytes becomes a file that nobody reads.
func ntfy(_ *http.Request, body []byte) error {
	var m struct {
		Topic    string   `json:"topic"`
		Title    string   `json:"title"`
		Message  string   `json:"message"`
		Tags     []string `json:"tags"`
		Priority int      `json:"priority"`
		Click    string   `json:"click"`
	}
	if err := strict(body, &m); err != nil {
		return fmt.Errorf("40024: %w", err)
	}
	switch {
	case !topic.MatchString(m.Topic):
		return errors.New("40009: invalid topic")
	case m.Priority < 0 || m.Priority > 5:
		return errors.New("40007: invalid priority")
	case len(m.Message) > 4096:
		return errors.New("the message is longer than 4,096 bytes")
	}
	return web("click", m.Click)
}
