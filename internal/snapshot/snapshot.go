// Package snapshot keeps the public face as static files somewhere else, so that it outlives
// Lull and the machine that it runs on: in a folder, on a branch of a git remote, or wherever a
// command takes it.
//
// It must not know what the files say, where they come from, or how they are served otherwise.
package snapshot

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// File is one address of the face.
type File struct {
	Address string // as it is asked for: "/maintenance/pg17"
	Type    string // media type
	Render  func() ([]byte, error)
}

// place is where the file lies below the folder. A page is an index.html in a folder of its own: that is what nginx,
// GitHub Pages and the web sites of S3 all answer with at an address without an ending.
func (f File) place() (string, error) {
	name, err := url.PathUnescape(strings.TrimPrefix(f.Address, "/"))
	if err != nil {
		return "", fmt.Errorf("place %s: %w", f.Address, err)
	}
	if strings.HasPrefix(f.Type, "text/html") {
		name = path.Join(name, "index.html")
	}
	name = path.Clean(name)
	if !filepath.IsLocal(name) || hidden(name) {
		return "", fmt.Errorf("place %s: there is no such place in a folder", f.Address)
	}
	return name, nil
}

// hidden files are git's and the snapshot's own.
func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.Contains(name, "/.") }

// Change is what a push has changed.
type Change struct {
	Written int `json:"written"`
	Removed int `json:"removed"`
	Same    int `json:"same"`
}

// None says that everything was there already.
func (c Change) None() bool { return c.Written+c.Removed == 0 }

// String says it for people.
func (c Change) String() string {
	return fmt.Sprintf("%d files written, %d removed, %d as before", c.Written, c.Removed, c.Same)
}

// Mirror is a place that holds the face.
type Mirror interface {
	// Push makes the place hold exactly these files. What is as before is left alone.
	Push(ctx context.Context, files []File) (Change, error)
	// Close removes what was kept for pushing, not what was pushed.
	Close() error
}

// Deadlines.
const (
	commandDeadline = 5 * time.Minute // whatever takes the folder elsewhere
	gitDeadline     = 2 * time.Minute // one git
)
