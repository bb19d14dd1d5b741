package changelog

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// known is the example of keepachangelog.com, cut short, with what real files have besides.
const known = `# Changelog

All notable changes to this project will be documented in this file.

## [Unreleased]

### Added

- v1.1 Brazilian Portuguese translation, see [#12].

## [1.1.1] - 2023-03-05

### Added

- Arabic translation ([#444](https://github.com/olivierlacan/keep-a-changelog/pull/444)).

` + "```sh\n## not a release\n# nor this\n```" + `

### Fixed

- Improve French translation.

## [0.0.8] - 2015-02-17 [YANKED]
## 0.0.7 (2015-02-16)
# What is this

- a
## v0.0.6 – 2014-12-12
## Some day
## [a\]b](https://x.example/r)

[#12]: https://github.com/x/y/pull/12
[unreleased]: https://github.com/x/y/compare/v1.1.1...HEAD
[1.1.1]: https://github.com/x/y/compare/v1.1.0...v1.1.1
`

func TestParse(t *testing.T) {
	t.Parallel()
	want := []Release{
		{Version: "Unreleased", Link: "https://github.com/x/y/compare/v1.1.1...HEAD",
			Text: "### Added\n\n- v1.1 Brazilian Portuguese translation, see [#12].\n\n[#12]: https://github.com/x/y/pull/12"},
		{Version: "1.1.1", Date: day("2023-03-05"), Link: "https://github.com/x/y/compare/v1.1.0...v1.1.1",
			Text: "### Added\n\n- Arabic translation ([#444](https://github.com/olivierlacan/keep-a-changelog/pull/444)).\n\n```sh\n## not a release\n# nor this\n```\n\n### Fixed\n\n- Improve French translation."},
		{Version: "0.0.8", Date: day("2015-02-17"), Yanked: true},
		{Version: "0.0.7", Date: day("2015-02-16"), Text: "### What is this\n\n- a"},
		{Version: "v0.0.6", Date: day("2014-12-12")},
		{Version: "Some day"},
		{Version: "a]b", Link: "https://x.example/r"},
	}
	got := Parse([]byte(known))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff([]string{"Added", "Fixed"}, got[1].Labels()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, Parse(Write(got))); diff != "" {
		t.Errorf("written and read again:\n%s", diff)
	}
}

// Whatever a post holds, it comes back alone: it does not open, close or swallow another.
func TestWriteKeepsReleasesApart(t *testing.T) {
	t.Parallel()
	posts := []Release{
		{Version: "Dark [mode]", Date: day("2026-11-25"), Text: "```\nnever closed"},
		{Version: "Line\nbreak", Text: "# Big\n\n## [1.0.0] - 2020-01-01\n\nText"},
		{Version: " ", Text: "[a]\n\n[a]: https://x.example/a"},
	}
	want := []Release{
		{Version: "Dark [mode]", Date: day("2026-11-25"), Text: "```\nnever closed\n```"},
		{Version: "Line break", Text: "### Big\n\n### [1.0.0] - 2020-01-01\n\nText"},
		{Version: "Unreleased", Text: "[a]\n\n[a]: https://x.example/a"},
	}
	if diff := cmp.Diff(want, Parse(Write(posts))); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(known))
	f.Add([]byte("## [a] - 2020-01-01 [YANKED]\n- ```\n## b\n~~~\n[x]: y\n[y]: z"))
	f.Add([]byte("## \\[\n[\\[]: x\n## []()\n## [a](b) - 2020-13-01\n\n\n[A]:b\n"))
	f.Add([]byte("\ufeff## a\r\n\r\n> ```x`\r## - 2020-01-01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		first := Parse(data)
		written := Write(first)
		if diff := cmp.Diff(first, Parse(written)); diff != "" {
			t.Errorf("%q\nis written as\n%q\nand read again otherwise:\n%s", data, written, diff)
		}
	})
}
