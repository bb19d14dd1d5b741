package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lullhq/lull/internal/pgserver"
)

// fill makes the data folder as a copy of one that was made once on this machine, because
// initdb takes a second and a copy a twentieth. It returns the superuser's password.
func fill(t testing.TB, s pgserver.Server, args []string) (password string) {
	t.Helper()
	dir := template(t, s.Install, args)
	flags := []string{"-a"}
	if runtime.GOOS == "linux" {
		flags = append(flags, "--reflink=auto")
	}
	cmd := exec.Command("cp", append(flags, filepath.Join(dir, "data"), s.Data)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copy the data folder made before: %v: %s", err, out)
	}
	secret, err := os.ReadFile(filepath.Join(dir, "password"))
	check(t, err)
	return string(secret)
}

// template returns the folder to copy. Test binaries run side by side: each makes its own when
// there is none, and the first to give it its name wins.
func template(t testing.TB, in pgserver.Install, args []string) string {
	t.Helper()
	kind := sha256.Sum256([]byte(in.Bin + "\x00" + in.Version + "\x00" + strings.Join(args, "\x00")))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("lull-test-%d-%d-%x", owner(in), in.Major, kind[:4]))
	if usable(t, dir, in) {
		return dir
	}
	made, err := in.Owner.TempDir()
	check(t, err)
	initialize(t, in, made, args)
	if err := os.Rename(made, dir); err == nil {
		return dir
	}
	remove(t, made)
	if !usable(t, dir, in) {
		t.Fatalf("%s is in the way: remove it", dir)
	}
	return dir
}

func owner(in pgserver.Install) int {
	if in.Owner.UID != 0 {
		return in.Owner.UID
	}
	return os.Geteuid()
}

// usable refuses a folder that another user has put there, as anybody can in a temporary folder.
func usable(t testing.TB, dir string, in pgserver.Install) bool {
	t.Helper()
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	check(t, err)
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != owner(in) {
		t.Fatalf("%s is not ours: remove it", dir)
	}
	return true
}

func initialize(t testing.TB, in pgserver.Install, dir string, args []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	password := rand.Text()
	check(t, in.Owner.WriteFile(filepath.Join(dir, "password"), []byte(password)))
	server := pgserver.Server{Install: in, Data: filepath.Join(dir, "data")}
	check(t, server.Init(ctx, pgserver.InitOptions{Superuser: Superuser, Password: password, Args: append([]string{"--no-sync"}, args...)}))
}

// conf writes settings as postgresql.conf has them.
func conf(settings map[string]string) []byte {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&out, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	return []byte(out.String())
}
