package security

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/lullhq/lull/internal/checks"
)

// poolers is what a PgBouncer lets in. It is asked by Pooler.
var poolers = []checks.Check{
	{
		ID: "pooler-auth", Asks: checks.Pooler, Severity: checks.Fix, Topic: login, Title: "The pooler lets people in too easily",
		Why:    "With any and trust everybody is whoever they say. plain sends the password in the clear, and what is kept for md5 logs in by itself when it is stolen.",
		Fix:    "Set auth_type = scram-sha-256 in the pooler's file, with SCRAM verifiers in auth_file, and RELOAD.",
		Breaks: "Clients without a password, and those without SCRAM, from before 2017.",
		How:    "auth_type in SHOW CONFIG.",
	},
	{
		ID: "pooler-passwords", Asks: checks.Pooler, Severity: checks.Warning, Topic: login, Title: "The pooler's auth_file has passwords in it that can be used as they are",
		Why:    "Whoever reads the file, or a backup of it, logs in as these roles.",
		Fix:    "Write the SCRAM verifier in the place of each: SELECT rolpassword FROM pg_authid. It has to be the same one as on the server.",
		Breaks: "Logins to a server whose verifier is another one, and before 1.14 all logins to servers that ask for SCRAM.",
		How:    "The file that auth_file in SHOW CONFIG names, when Lull can read it.",
	},
	{
		ID: "pooler-files", Asks: checks.Pooler, Severity: checks.Fix, Topic: permissions, Title: "Files of the pooler are open to others",
		Why:    "Passwords and how servers are reached are in them, and whoever may write them sends clients anywhere.",
		Fix:    "chmod 0640, or 0600 when the group has no need of them.",
		Breaks: "Programs that read them as another user.",
		How:    "The modes of config of lull.yaml and of the files that SHOW CONFIG names.",
	},
	{
		ID: "pooler-tls", Asks: checks.Pooler, Severity: checks.Warning, Topic: login, Title: "The pooler does not ask its clients for TLS",
		Why:    "It listens beyond its own machine, and what crosses the network is for everybody on the way to read and to change.",
		Fix:    "Set client_tls_key_file, client_tls_cert_file and client_tls_sslmode = require, and RELOAD.",
		Breaks: "Clients that speak without TLS.",
		How:    "client_tls_sslmode and listen_addr in SHOW CONFIG.",
	},
}

// Pooler audits a PgBouncer by what its SHOW CONFIG says and by its files. file is the one that lull.yaml names.
func Pooler(name string, config map[string]string, file string) (out []checks.Finding) {
	for _, c := range poolers {
		var found []checks.Object
		switch c.ID {
		case "pooler-auth":
			found = poolerAuth(config)
		case "pooler-passwords":
			found = poolerPasswords(config["auth_file"])
		case "pooler-files":
			found = poolerFiles(file, config["auth_file"], config["client_tls_key_file"], config["server_tls_key_file"])
		case "pooler-tls":
			found = poolerTLS(config)
		}
		for _, severity := range checks.Severities {
			some := slices.DeleteFunc(slices.Clone(found), func(o checks.Object) bool {
				return o.Severity != severity && (o.Severity != "" || c.Severity != severity)
			})
			if len(some) > 0 {
				f := c.Finding("", some)
				f.Severity, f.Where = severity, "pooler "+name
				out = append(out, f)
			}
		}
	}
	return out
}

func poolerAuth(config map[string]string) []checks.Object {
	o := checks.Object{Name: "auth_type = " + config["auth_type"]}
	switch config["auth_type"] {
	case "any", "trust", "plain":
	case "md5":
		o.Severity = checks.Warning // it is SCRAM for those who have a SCRAM verifier
	default:
		return nil
	}
	return []checks.Object{o}
}

func poolerTLS(config map[string]string) []checks.Object {
	mode, at := config["client_tls_sslmode"], config["listen_addr"]
	if mode == "require" || mode == "verify-ca" || mode == "verify-full" || !slices.ContainsFunc(strings.FieldsFunc(at, comma), beyond) {
		return nil
	}
	return []checks.Object{{Name: "client_tls_sslmode = " + mode, Detail: "listen_addr = " + at}}
}

func comma(r rune) bool { return r == ',' || r == ' ' }

func beyond(address string) bool {
	return address != "localhost" && address != "::1" && !strings.HasPrefix(address, "127.")
}

// poolerFiles looks at the modes of those that are on this machine.
func poolerFiles(names ...string) (out []checks.Object) {
	for _, name := range names {
		if !filepath.IsAbs(name) {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		mode := info.Mode().Perm()
		if mode&0o027 == 0 {
			continue
		}
		out = append(out, checks.Object{Name: name, Detail: fmt.Sprintf("mode %04o", mode)})
	}
	return out
}

// mostAuthFile bounds what is read: a line a role.
const mostAuthFile = 1 << 20

func poolerPasswords(file string) (out []checks.Object) {
	if !filepath.IsAbs(file) {
		return nil
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return []checks.Object{{Name: file, Detail: "not looked at: Lull may not read it", Severity: checks.Note}}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostAuthFile))
	if err != nil {
		return nil
	}
	for _, e := range authEntries(string(text)) {
		switch {
		case strings.HasPrefix(e.secret, "SCRAM-SHA-256$") || e.secret == "":
		case strings.HasPrefix(e.secret, "md5") && len(e.secret) == 35:
			out = append(out, checks.Object{Name: e.role, Detail: "MD5"})
		default:
			out = append(out, checks.Object{Name: e.role, Detail: "in the clear"})
		}
	}
	return out
}

type authEntry struct{ role, secret string }

var authLine = regexp.MustCompile(`(?m)^[ \t]*"((?:[^"\n]|"")*)"[ \t]+"((?:[^"\n]|"")*)"`)

// authEntries reads PgBouncer's users file (its manual, "Authentication file format").
func authEntries(text string) (out []authEntry) {
	for _, m := range authLine.FindAllStringSubmatch(text, -1) {
		out = append(out, authEntry{strings.ReplaceAll(m[1], `""`, `"`), strings.ReplaceAll(m[2], `""`, `"`)})
	}
	return out
}
