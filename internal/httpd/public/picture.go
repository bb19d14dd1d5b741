package public

import (
	"maps"
	"path"
	"slices"

	"github.com/lullhq/lull/internal/feed"
	"github.com/lullhq/lull/internal/view"
)

// PictureTypes are the media types of the pictures that a post may have, by the endings of their files. SVG is none of them: it can hold a script.
var PictureTypes = map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}

// pictureFiles are the pictures of the posts that are on the page, and no others.
func (s Site) pictureFiles(page view.PageModel) (out []File) {
	if s.Picture == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, c := range page.Changes {
		for _, file := range slices.Sorted(maps.Values(c.Pictures)) {
			mediaType := PictureTypes[path.Ext(file)]
			if seen[file] || mediaType == "" {
				continue
			}
			seen[file] = true
			out = append(out, foreign(feed.PicturePath(file), mediaType, func() ([]byte, error) { return s.Picture(file) }))
		}
	}
	return out
}
