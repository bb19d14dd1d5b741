package archtest

// drivers reach a database.
var drivers = []string{"database/sql/...", "github.com/jackc/pgx/...", "modernc.org/sqlite/..."}

// adapters are packages that each turn the core towards one part of the world.
var adapters = []string{"store", "httpd", "sites", "snapshot", "probe", "notify/webhook", "notify/email", "notify/slack", "notify/discord", "notify/teams", "notify/ntfy", "notify/telegram", "notify/pagerduty", "notify/opsgenie", "notify/intercom"}

// Rules is docs/ARCHITECTURE.md's picture, so that it stays true.
var Rules = append([]Rule{
	{
		Who: in("maint"), Only: []string{"std"}, Clock: true,
		Never:  append([]string{"context", "net/http", "os", "os/exec"}, drivers...),
		Reason: "the domain outlives every library and every store, and a table of instants tests it whole",
	},
	{
		Who: in("timeline"), Only: append([]string{"std"}, in("maint")...), Never: drivers,
		Reason: "the record is a port: whoever stores it must not shape it",
	},
	{
		Who: in("run"), Only: append([]string{"std"}, in("maint", "timeline", "hint")...),
		Reason: "the runner carries out any step, and what it needs of the world it declares as a port",
	},
	{
		Who: in("run/..."), Never: append(in("pgup/..."), drivers...),
		Reason: "its crash tests hold for every step and every journal because it knows no Postgres and no database",
	},
	{
		Who:    in("view/...", "feed/...", "report/..."),
		Only:   append([]string{"std"}, in("maint", "timeline", "phrase", "view/...", "feed/...", "report/...", "markdown/...")...),
		Never:  append([]string{"context", "net/http/...", "os", "os/exec"}, drivers...),
		Clock:  true,
		Reason: "what people read is a pure fold of the record and of a given instant: the same record says the same words for ever",
	},
	{
		Who: in("markdown"), Only: []string{"std", "github.com/yuin/goldmark/..."}, Never: append([]string{"context", "net/http", "os", "os/exec"}, drivers...),
		Reason: "what people write is made safe in one place, by a function of the text alone",
	},
	{
		Who: in("subscribe"), Only: append([]string{"std"}, in("hint")...), Never: append([]string{"net/http", "os", "os/exec"}, drivers...), Clock: true,
		Reason: "who is told what, and by whose will, is the same whatever page asks and whatever store keeps it",
	},
	{
		Who: in("proofread"), Only: append([]string{"std", "github.com/golangci/misspell"}, in("proc")...),
		Reason: "what is wrong with a text does not depend on what it is for",
	},
	{
		Who: in("changelog"), Only: []string{"std"}, Never: append([]string{"context", "net/http", "os", "os/exec"}, drivers...), Clock: true,
		Reason: "a file is read and written by functions of its bytes, so that fuzzing tests them whole",
	},
	{
		Who: in("phrase"), Only: []string{"std", "golang.org/x/text/..."}, Never: []string{"context", "net/http/...", "os", "os/exec"}, Clock: true,
		Reason: "words are the same whatever is said with them, and a translator can be shown all of them in one place",
	},
	{
		Who: in("notify"), Only: append([]string{"std"}, in("maint", "timeline", "run", "phrase")...), Never: append([]string{"net/http/...", "os", "os/exec"}, drivers...), Clock: true,
		Reason: "who is told what follows from the record and a given instant: a table of events tests it whole",
	},
	{
		Who: in("inapp"), Only: append([]string{"std", "github.com/golang-jwt/jwt/v5"}, in("maint", "notify", "view")...), Never: append([]string{"net/http", "os", "os/exec"}, drivers...), Clock: true,
		Reason: "who somebody is, and what they are told, follows from a token, the record and a given instant: tables test it whole",
	},
	{
		Who: in("pgup/..."), Never: in("httpd/...", "notify/...", "sites/...", "store/...", "app/...", "cli/..."),
		Reason: "the upgrade must work with no server, no page and no notice around it",
	},
	{
		Who: in("checks"), Only: append([]string{"std", "github.com/jackc/pgx/...", "golang.org/x/sync/errgroup"}, in("hint")...),
		Reason: "the form of a check serves every catalogue: of upgrades, of security, of whatever comes",
	},
	{
		Who: in("security"), Only: append([]string{"std", "github.com/jackc/pgx/..."}, in("checks", "serverlog")...),
		Reason: "what is open on a server has nothing to do with what is done to it, so that an audit needs no upgrade",
	},
	{
		Who: in("serverlog"), Only: []string{"std", "github.com/jackc/pgx/..."},
		Reason: "what a server wrote is the same whoever reads it: audits and upgrades both do",
	},
	{
		Who: in("httpd/..."), Never: in("store/...", "pgup/...", "run/...", "app/..."),
		Reason: "a request from outside must have no way to the journal, the clusters or the steps",
	},
	{
		Who: in("httpd"), Never: append([]string{"github.com/danielgtaylor/huma/..."}, in("httpd/api/...")...),
		Reason: "the public face is served without the API, and no library of the API has a say in it",
	},
	{
		Who: in("auth"), Only: append([]string{"std", "golang.org/x/time/rate"}, in("hint")...), Never: append([]string{"net/http"}, drivers...), Clock: true,
		Reason: "who may do what is decided without knowing what is asked, or by what way",
	},
	{
		Who: in("say"), Only: append([]string{"std"}, in("maint", "timeline")...), Never: append([]string{"net/http"}, drivers...),
		Reason: "the words of the commands and of the API belong to neither",
	},
	{
		Who: []string{"internal/...", "cmd/..."}, But: in("app/...", "store/...", "bench"), Tests: true,
		Never:  in("store/..."),
		Reason: "all others use the ports, so that a second database needs one new package and one changed line; bench measures the queue in its file by itself",
	},
	{
		Who: []string{"internal/...", "cmd/..."}, But: in("app/...", "cli/..."), Tests: true,
		Never:  in("app/..."),
		Reason: "the composition root sees all others, so whoever sees it sees all others too",
	},
	{
		Who: []string{"internal/..."}, But: in("cli/..."), Tests: true,
		Never:  in("cli/..."),
		Reason: "flags and terminal output are the outermost layer, only the program itself lies outside of it",
	},
	{
		Who: []string{"cmd/lull"}, Only: append([]string{"std"}, in("cli")...),
		Reason: "main is arguments and exit code, everything else can be tested without a process",
	},
	{
		Who: in("config"), Only: append([]string{"std", "go.yaml.in/yaml/v4"}, in("maint", "hint")...), Never: append([]string{"net/http"}, drivers...),
		Reason: "reading a file must not depend on what will be done with it",
	},
}, apart(adapters)...)

// apart keeps each of the packages from importing any of the others.
func apart(names []string) []Rule {
	var out []Rule
	for _, a := range names {
		r := Rule{
			Who:    in(a + "/..."),
			Reason: "adapters meet in app only: one can then be changed, or left out, without the others",
		}
		for _, b := range names {
			if b != a {
				r.Never = append(r.Never, in(b+"/...")...)
			}
		}
		out = append(out, r)
	}
	return out
}

func in(names ...string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = "internal/" + n
	}
	return out
}
