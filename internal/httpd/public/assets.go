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
func Assets() []Asset { return assets }

var assets = []Asset{
	asset("page.css", "text/css; charset=utf-8"),
	asset("page.js", "text/javascript; charset=utf-8"),
	asset("icon.svg", "image/svg+xml"),
}

// asset names a file by its content, so that it can be kept for ever by whoever fetches it.
func asset(name, contentType string) Asset {
	body, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		panic(err) // embedded: a missing file does not compile into a program that starts
	}
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	return Asset{Path: "/assets/" + hashed, Type: contentType, Body: body}
}

func assetPath(name string) string {
	stem := "/assets/" + strings.TrimSuffix(name, path.Ext(name)) + "."
	for _, a := range assets {
		if strings.HasPrefix(a.Path, stem) && path.Ext(a.Path) == path.Ext(name) {
			return a.Path
		}
	}
	return ""
}
