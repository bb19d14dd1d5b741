package config

import (
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// String names the store without a password.
func (s Store) String() string {
	if s.File != "" {
		return s.File
	}
	return s.Postgres.String()
}

func (d *document) storeFile(path string) Store { return Store{File: path, WorkDir: path + ".work"} }

// store reads a path, a postgres:// address, or {dsn, password_file}.
func (d *document) store(into *Store) reader {
	postgres := Store{WorkDir: into.WorkDir}
	return func(n *yaml.Node) {
		switch _, isURL := cutScheme(n.Value); {
		case n.Kind == yaml.MappingNode:
			d.dsn("store", &postgres.Postgres)(n)
			*into = postgres
		case isURL, n.Value != "" && variable.FindString(n.Value) == n.Value:
			d.conninfo(&postgres.Postgres)(n)
			*into = postgres
		case strings.Contains(n.Value, "://"):
			d.problem(n, `write a path, such as "store: lull.db", or "store: postgres://lull@db.example.com/lull"`, "the store is a SQLite file or a Postgres database")
		default:
			var path string
			d.absolute(&path)(n)
			*into = d.storeFile(path)
		}
	}
}
