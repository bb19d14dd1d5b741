// Package harden makes a new server stricter than the old one was, before anybody is on it: what is
// on the list is put in force, tried as somebody would who wants to get past it, and can be taken back.
//
// It must not know of steps and journals, or of who is connected to the old server.
package harden

import (
	"github.com/lullhq/lull/internal/pgup/compare"
	"github.com/lullhq/lull/internal/security"
)

// Items are what is made stricter. docs/security.md says what each is.
type Items struct {
	Checksums          bool `json:"checksums,omitempty"` // while the server is built, before its first start
	TLS                *TLS `json:"tls,omitempty"`
	SCRAM              bool `json:"scram,omitempty"`
	RevokePublicCreate bool `json:"revoke_public_create,omitempty"`
	StrictHBA          bool `json:"strict_hba,omitempty"`
	DefinerSearchPath  bool `json:"definer_search_path,omitempty"`
	LogLogins          bool `json:"log_logins,omitempty"`
}

// TLS is what the server speaks.
type TLS struct {
	Min string `json:"min"` // "TLSv1.2", as ssl_min_protocol_version has it
	// Certificate and Key are files in PEM on the server's machine that are copied to it; "" = its settings name others.
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`
}

// Any says whether something is on the list.
func (i Items) Any() bool { return i != Items{} }

// OnServer says whether something is that is done while the server runs.
func (i Items) OnServer() bool {
	i.Checksums = false
	return i.Any()
}

// Certified says whether the list has a certificate for the server.
func (i Items) Certified() bool { return i.TLS != nil && i.TLS.Certificate != "" }

// Names are the words for what is on the list, as a plan has them.
func (i Items) Names() (out []string) {
	for _, x := range []struct {
		on   bool
		word string
	}{
		{i.Checksums, "checksums"}, {i.TLS != nil, "tls"}, {i.SCRAM, "scram"}, {i.RevokePublicCreate, "revoke_public_create"},
		{i.StrictHBA, "hba: strict"}, {i.DefinerSearchPath, "definer_search_path"}, {i.LogLogins, "log_logins"},
	} {
		if x.on {
			out = append(out, x.word)
		}
	}
	return out
}

// Rules are what the list asks of clients.
func (i Items) Rules() security.Rules {
	r := security.Rules{Strict: i.StrictHBA, SCRAM: i.SCRAM}
	if i.TLS != nil {
		r.TLS = i.TLS.Min
	}
	return r
}

// Leave is what is not the same on both servers, because the list makes it so.
func (i Items) Leave() compare.Leave {
	return compare.Leave{PublicCreate: i.RevokePublicCreate, DefinerPath: i.DefinerSearchPath}
}

// CanRewrite says why a pg_hba.conf cannot be made as strict as the list asks for; nil = it can.
func (i Items) CanRewrite(text string) error {
	if i.access() == (Access{}) {
		return nil
	}
	_, err := i.access().Rewrite(text)
	return err
}

func (i Items) access() Access { return Access{SCRAM: i.SCRAM, Strict: i.StrictHBA} }

// same compares what the pointers lead to.
func (i Items) same(other Items) bool {
	a, b := i.TLS, other.TLS
	i.TLS, other.TLS = nil, nil
	return i == other && (a == nil) == (b == nil) && (a == nil || *a == *b)
}
