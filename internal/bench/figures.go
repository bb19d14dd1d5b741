// Package bench measures Lull beside its peers, on one machine in one run: a table for
// people and a file of figures for programs.
//
// It must not know more of Lull than a user does: commands, and what they print or write.
// Where one part is measured by itself, it knows that part: the upgrade's list of steps, the probes.
package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Figure is one measured quantity over the runs.
type Figure struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// Of sums values up. The median of an even number is the mean of the middle two.
func Of(values []float64) Figure {
	if len(values) == 0 {
		return Figure{}
	}
	v := slices.Sorted(slices.Values(values))
	mid := len(v) / 2
	f := Figure{Min: v[0], Median: v[mid], Max: v[len(v)-1]}
	if len(v)%2 == 0 {
		f.Median = (v[mid-1] + v[mid]) / 2
	}
	return f
}

// Row is a figure with the words that people read.
type Row struct {
	Key   string // in the file
	Title string
	Figure
	Values []float64 // as they came
	Each   bool      // the file has the values, not the figure
}

// columnOf makes one row of one quantity of all runs.
func columnOf[T any](all []T, key, title string, of func(T) float64) Row {
	var values []float64
	for _, x := range all {
		values = append(values, of(x))
	}
	return Row{Key: key, Title: title, Figure: Of(values), Values: values}
}

// Print writes the table.
func Print(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tmin\tmedian\tmax\t")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", r.Title, short(r.Min), short(r.Median), short(r.Max))
	}
	return t.Flush()
}

// Write writes the file of figures. A key with a dot in it is that of an object in the file.
func Write(path string, rows []Row) error {
	out := map[string]any{}
	for _, r := range rows {
		if r.Each {
			out[r.Key] = r.Values
			continue
		}
		group, key, nested := strings.Cut(r.Key, ".")
		if !nested {
			out[r.Key] = r.Figure
			continue
		}
		if out[group] == nil {
			out[group] = map[string]Figure{}
		}
		out[group].(map[string]Figure)[key] = r.Figure
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	return nil
}

// short leaves a ratio its second digit.
func short(v float64) string {
	if v < 10 {
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}
