package demo_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lullhq/lull/internal/demo"
)

// TestDemo is the whole of Lull, as a newcomer meets it.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("a maintenance takes a minute")
	}
	t.Parallel()
	program := filepath.Join(t.TempDir(), "lull")
	if out, err := exec.Command("go", "build", "-o", program, "github.com/lullhq/lull/cmd/lull").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	var out bytes.Buffer
	err := demo.Run(t.Context(), demo.Options{Dir: dir, Majors: demo.Majors{From: 13, To: 17}, Scale: 1, Rate: 50, Clients: 4, Self: program, Out: &out})
	t.Logf("%s", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r demo.Result
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if r.From != 13 || r.To != 17 || r.MajorVersions != 4 || r.DatabaseBytes < 20e6 || r.Statements < 1000 || r.AckedCommits < 100 {
		t.Errorf("got %+v", r)
	}
	if r.Failed+r.LostCommits+r.TablesWithoutStatistics+r.SiteProbeFailures != 0 || r.SitesBannerOn != 3 || r.SitesBannerOff != 3 {
		t.Errorf("got %+v", r)
	}
	if r.HoldMillis <= 0 || r.LongestHoldMillis <= 0 || r.P99MillisBefore <= 0 || r.P99MillisAfter <= 0 || r.SiteProbes == 0 {
		t.Errorf("something was not measured: %+v", r)
	}
	report, err := os.ReadFile(r.Report)
	if err != nil || !strings.HasPrefix(string(report), "---\n") {
		t.Errorf("the report begins %.80q, %v", report, err)
	}
}
