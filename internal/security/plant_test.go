package security_test

import (
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lullhq/lull/internal/checks/checkstest"
	"github.com/lullhq/lull/internal/pgserver/pgtest"
)

// speakTLS gives the server a certificate that ends today and is for another name, and gives what puts a good one in its place.
func speakTLS(t *testing.T, s *pgtest.Server) (renew func()) {
	t.Helper()
	s.Certify(t, x509.Certificate{DNSNames: []string{"db.example"}, NotAfter: time.Now().Add(time.Hour)})
	s.Exec(t, "postgres", `ALTER SYSTEM SET ssl = on`, `SELECT pg_reload_conf()`)
	checkstest.Until(`SELECT setting = 'on' FROM pg_settings WHERE name = 'ssl'`)(t, s)
	return func() {
		s.Certify(t, x509.Certificate{})
	}
}

// enableChecksums undoes that a server was made without them.
func enableChecksums(t *testing.T, s *pgtest.Server) (undo func()) {
	return func() {
		if err := s.Stop(t.Context(), "fast"); err != nil {
			t.Fatal(err)
		}
		if said, err := s.Install.Command(t.Context(), "pg_checksums", "--enable", "--no-sync", "--pgdata", s.Data).CombinedOutput(); err != nil {
			t.Fatalf("pg_checksums: %v: %s", err, said)
		}
	}
}

// closeFolder undoes that a server was made for a group to read.
func closeFolder(t *testing.T, s *pgtest.Server) (undo func()) {
	return func() {
		err := filepath.WalkDir(s.Data, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.Type()&fs.ModeSymlink != 0 {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			return os.Chmod(name, info.Mode().Perm()&0o700)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// patienceFor gives what ends the test with what is still found when that takes too long.
func patienceFor(t *testing.T) func(still any) {
	end := time.Now().Add(checkstest.Patience)
	return func(still any) {
		t.Helper()
		if time.Now().After(end) {
			t.Fatalf("still found: %+v", still)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
