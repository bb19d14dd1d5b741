package httpd

import (
	"context"
	"maps"
	"slices"

	"github.com/lullhq/lull/internal/httpd/public"
)

// Read looks at the record once, for whoever wants the files and no server.
func (s *Server) Read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return s.refresh(ctx)
}

// Static lists everything that is served as a file, under each address at which it is there without a
// language being asked for: what a host that knows nothing but files can serve. Assets come first, so that no page
// is there before what it refers to. It says false when the state is an old one, or none.
func (s *Server) Static() (files []public.File, current bool) {
	snap := s.snap.Load()
	if snap == nil {
		return nil, false
	}
	for _, path := range slices.Sorted(maps.Keys(s.assets)) {
		files = append(files, s.assets[path].at(path))
	}
	for _, path := range slices.Sorted(maps.Keys(snap.files)) {
		files = append(files, snap.files[path].variants[0].at(path))
	}
	return files, !snap.aged()
}

// at is the file under one of its addresses, rendered once for all who want it.
func (f *resource) at(path string) public.File {
	out := f.File
	out.Path = path
	out.Render = func() ([]byte, error) {
		a, err := f.in(plain)
		if err != nil {
			return nil, err
		}
		return a.body, nil
	}
	return out
}

// Changes is signalled when there is another page for another reason than progress. Signals that nobody
// has taken yet are one.
func (s *Server) Changes() <-chan struct{} { return s.changed }

func (s *Server) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
