package teams

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/notify"
)

// reader is Microsoft's own, as scripts/clients fetches it.
const reader = "../../../.cache/clients/node_modules/adaptivecards/dist/adaptivecards.min.js"

// wrong is what the reader says of a card.
func wrong(t *testing.T, card []byte) (said []string) {
	t.Helper()
	path, err := filepath.Abs(reader)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("testdata", "card.cjs"), path)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(card), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return said
}

// TestMicrosoftReadsTheCard has the vendor's reader judge what is sent, and one that it must not like.
func TestMicrosoftReadsTheCard(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(reader); err != nil {
		t.Skip("Microsoft's reader of cards is not there (scripts/clients)")
	}
	for name, m := range map[string]notify.Message{
		"plain": {Subject: "Database upgrade", Text: "We move on Saturday.", Label: "Status page", Link: "https://status.example.com/maintenance/pg17", Language: "en"},
		"signs": {Subject: `"<b>*_[x](y)`, Text: strings.Repeat("* _x_ [a](b)\n\n", 2000), Label: "Seite öffnen", Link: "https://status.example.com/?a=1&b=2", Language: "de"},
	} {
		body, err := Body(m)
		if err != nil {
			t.Fatal(err)
		}
		var sent struct {
			Attachments []struct {
				Content json.RawMessage `json:"content"`
			} `json:"attachments"`
		}
		if err := json.Unmarshal(body, &sent); err != nil || len(sent.Attachments) != 1 {
			t.Fatalf("%s: %v", body, err)
		}
		if said := wrong(t, sent.Attachments[0].Content); len(said) > 0 {
			t.Errorf("%s: %q", name, said)
		}
		broken := bytes.Replace(sent.Attachments[0].Content, []byte(`"size":"Large"`), []byte(`"size":"Huge"`), 1)
		if said := wrong(t, broken); len(said) != 1 || !strings.Contains(said[0], "Huge") {
			t.Errorf("%s, broken: %q", name, said)
		}
	}
}
