package public

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// Asset is a file that never changes under its path.
type Asset struct {
	Path string // "/assets/page.5f2c9a0e1b7d.css"
	Type string
	Body []byte
}

// Assets lists every file that pages refer to.
func (s Site) Assets() []Asset {
	if s.Look.files == nil {
		return plain
	}
	return s.Look.files
}

var plain = Look{}.assets()

func (l Look) assets() []Asset {
	out := []Asset{
		asset("page.css", "text/css; charset=utf-8", append(embedded("page.css"), l.colours...)),
		asset("page.js", "text/javascript; charset=utf-8", embedded("page.js")),
		asset("icon.svg", "image/svg+xml", embedded("icon.svg")),
	}
	pictures := []*picture{l.favicon}
	if l.Logo != nil {
		pictures = append(pictures, l.Logo.light, l.Logo.dark)
	}
	for _, p := range pictures {
		if p != nil {
			out = append(out, asset(p.name, p.contentType, p.body))
		}
	}
	return out
}

func embedded(name string) []byte {
	body, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // embedded: a missing file does not compile into a program that starts
	}
	return body
}

// asset names a file by its content, so that it can be kept for ever by whoever fetches it.
func asset(name, contentType string, body []byte) Asset {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	return Asset{Path: "/assets/" + hashed, Type: contentType, Body: body}
}

func (s Site) assetPath(name string) string {
	stem := "/assets/" + strings.TrimSuffix(name, path.Ext(name)) + "."
	for _, a := range s.Assets() {
		if strings.HasPrefix(a.Path, stem) && path.Ext(a.Path) == path.Ext(name) {
			return a.Path
		}
	}
	return ""
}
