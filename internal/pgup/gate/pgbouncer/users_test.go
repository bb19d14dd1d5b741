package pgbouncer

import "testing"

func TestWithSecret(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, role, want string
		found          bool
	}{
		{"; ours\n\"web\" \"old\" more\n\"etl\" \"x\"\n", "web", "; ours\n\"web\" \"new\"\" one\" more\n\"etl\" \"x\"\n", true},
		{"  \"a\"\"b\"\t\"\"", "a\"b", "  \"a\"\"b\"\t\"new\"\" one\"", true},
		{"\"web\" \"a\"\n\"web\" \"b\"\n", "web", "\"web\" \"new\"\" one\"\n\"web\" \"new\"\" one\"\n", true},
		{"\"webber\" \"x\"\n", "web", "\"webber\" \"x\"\n", false},
		{"", "web", "", false},
	} {
		if got, found := withSecret(c.in, c.role, `new" one`); got != c.want || found != c.found {
			t.Errorf("%q: %q, %v", c.in, got, found)
		}
	}
}

func FuzzWithSecret(f *testing.F) {
	f.Add("\"web\" \"old\"\n", "web")
	f.Fuzz(func(t *testing.T, text, role string) {
		once, found := withSecret(text, role, "SCRAM-SHA-256$4096:a$b:c")
		if !found && once != text {
			t.Errorf("%q became %q", text, once)
		}
		if again, _ := withSecret(once, role, "SCRAM-SHA-256$4096:a$b:c"); again != once {
			t.Errorf("%q became %q, and then %q", text, once, again)
		}
	})
}
