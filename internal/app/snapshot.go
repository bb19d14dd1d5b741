package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/lullhq/lull/internal/config"
	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/httpd"
	"github.com/lullhq/lull/internal/httpd/public"
	"github.com/lullhq/lull/internal/snapshot"
)

// Snapshot writes the public face as static files, to the place that is given or else to the one that lull.yaml names.
func (a *App) Snapshot(ctx context.Context, to string) (change snapshot.Change, err error) {
	place := a.Config.Snapshot
	if to != "" {
		var complaint string
		if place, complaint = config.ParseSnapshot(to, absolute); complaint != "" {
			return change, hint.Errorf("lull snapshot --help", "the place after --to %s", complaint)
		}
	}
	if !place.Set() {
		return change, hint.Errorf("lull snapshot --to FOLDER", "nothing says where the snapshot is to be kept")
	}
	s, err := a.server(nil, nil, nil)
	if err != nil {
		return change, err
	}
	if err := s.Read(ctx); err != nil {
		return change, err
	}
	m, err := mirror(place)
	if err != nil {
		return change, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	files, _ := s.Static()
	return m.Push(ctx, filesOf(files))
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// keeper keeps a snapshot at the place that lull.yaml names, for as long as the server serves.
func (a *App) keeper(s *httpd.Server) (func(context.Context), error) {
	m, err := mirror(a.Config.Snapshot)
	if err != nil {
		return nil, err
	}
	face := func() ([]snapshot.File, bool) {
		files, current := s.Static()
		return filesOf(files), current
	}
	k := &snapshot.Keeper{Mirror: m, Face: face, Changed: s.Changes(), Log: slog.Default(), Done: s.Pushed}
	return func(ctx context.Context) {
		k.Run(ctx)
		if err := m.Close(); err != nil {
			slog.Warn("what was kept for the snapshot is left behind", "error", err)
		}
	}, nil
}

func mirror(place config.Snapshot) (snapshot.Mirror, error) {
	switch {
	case place.Git != "":
		return snapshot.NewGit(place.Git, place.Branch)
	case place.Command != "":
		return snapshot.NewCommand(place.Command)
	}
	return snapshot.NewFolder(place.Folder), nil
}

func filesOf(files []public.File) []snapshot.File {
	out := make([]snapshot.File, len(files))
	for i, f := range files {
		out[i] = snapshot.File{Address: f.Path, Type: f.Type, Render: f.Render}
	}
	return out
}
