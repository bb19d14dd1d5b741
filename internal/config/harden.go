package config

import (
	"slices"

	yaml "go.yaml.in/yaml/v4"
)

// Harden is what an upgrade makes stricter on the new server before anybody is on it.
type Harden struct {
	Checksums          bool // data checksums on
	TLS                *HardenTLS
	SCRAM              bool // nobody logs in over TCP by MD5
	AwaitSCRAM         bool // the switch waits for those who still do
	RevokePublicCreate bool // no schema in which everybody may create objects
	StrictHBA          bool // TLS from other machines, and nobody without proof
	DefinerSearchPath  bool // SECURITY DEFINER functions with a search_path of their own
	LogLogins          bool // sessions and their ends are logged
}

// HardenTLS is what TLS the new server speaks.
type HardenTLS struct {
	Min string // "TLSv1.2" or "TLSv1.3"
	// Certificate and Key are files on this machine in PEM; empty: target.settings names the new server's own.
	Certificate, Key string
}

// HardenItems are the words of what can be made stricter.
var HardenItems = []string{"checksums", "tls", "scram", "revoke_public_create", "hba", "definer_search_path", "log_logins"}

// harden reads a list of words, of which some have something to say: tls: {min: 1.3}, hba: strict, scram: wait.
func (d *document) harden(h *Harden) reader {
	seen := map[string]bool{}
	return d.list(func(n *yaml.Node) {
		key, value := n, (*yaml.Node)(nil)
		if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
			key, value = deref(n.Content[0]), deref(n.Content[1])
		}
		word, ok := d.scalar(key)
		switch {
		case !ok:
			return
		case !slices.Contains(HardenItems, word):
			d.problem(key, nearest(word, HardenItems, "known"), "lull cannot make %q stricter", shorten(word))
			return
		case seen[word]:
			d.problem(key, "take one out", "%q is there twice", word)
			return
		}
		seen[word] = true
		d.hardenItem(h, word, key, value)
	})
}

func (d *document) hardenItem(h *Harden, word string, key, value *yaml.Node) {
	plain := map[string]*bool{"checksums": &h.Checksums, "revoke_public_create": &h.RevokePublicCreate,
		"definer_search_path": &h.DefinerSearchPath, "log_logins": &h.LogLogins}
	if on, ok := plain[word]; ok {
		*on = true
		if value != nil {
			d.problem(value, "write the word alone", "%q takes no value", word)
		}
		return
	}
	switch word {
	case "tls":
		h.TLS = &HardenTLS{Min: "TLSv1.2"}
		if value != nil {
			d.value(key, value, d.hardenTLS(h.TLS))
		}
	case "scram":
		h.SCRAM = true
		if value != nil {
			var how string
			d.oneOf(&how, "way to use scram", []string{"wait"})(value)
			h.AwaitSCRAM = how == "wait"
		}
	case "hba":
		h.StrictHBA = true
		if value == nil {
			d.problem(key, `write "hba: strict"`, "hba has no value")
			return
		}
		var how string
		d.oneOf(&how, "kind of hba", []string{"strict"})(value)
	}
}

func (d *document) hardenTLS(t *HardenTLS) reader {
	return func(n *yaml.Node) {
		version := ""
		d.object(n, "tls",
			may("min", d.oneOf(&version, "version of TLS", []string{"1.2", "1.3"})),
			may("certificate", d.absolute(&t.Certificate)),
			may("key", d.absolute(&t.Key)))
		if version != "" {
			t.Min = "TLSv" + version
		}
		if (t.Certificate == "") != (t.Key == "") {
			d.problem(n, "name both files", "a certificate and its key go together")
		}
	}
}
