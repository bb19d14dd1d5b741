package public

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// Look is what makes the pages somebody's own. The zero value is Lull's.
type Look struct {
	Logo    *Logo
	favicon *picture
	colours string  // rules of the style sheet
	files   []Asset // all that pages refer to
}

// Logo is shown instead of the organisation's name.
type Logo struct {
	light, dark *picture
	// Width is what it has at the height that the page gives it, so that nothing moves when it arrives.
	Width, Height int
}

// Own is what an operator may bring: pictures as they were read, and colours as #rrggbb by name.
type Own struct {
	Logo, LogoDark, Favicon []byte // nil: none
	Colours, DarkColours    map[string]string
}

// logoHeight is how high a logo stands in the page's head; logoWidest keeps it on a telephone.
const (
	logoHeight = 32
	logoWidest = 240
)

// maxPicture is what a picture in every page's head may weigh.
const maxPicture = 64 << 10

// NewLook checks what an operator brings. Each error says what to change.
func NewLook(own Own) (Look, error) {
	var look Look
	if own.Logo != nil {
		logo, err := newLogo(own.Logo, own.LogoDark)
		if err != nil {
			return Look{}, err
		}
		look.Logo = logo
	}
	if own.Favicon != nil {
		p, err := newPicture("favicon", own.Favicon)
		if err != nil {
			return Look{}, err
		}
		look.favicon = p
	}
	var err error
	if look.colours, err = colourRules(own.Colours, own.DarkColours); err != nil {
		return Look{}, err
	}
	look.files = look.assets()
	return look, nil
}

func newLogo(light, dark []byte) (*Logo, error) {
	p, err := newPicture("logo", light)
	if err != nil {
		return nil, err
	}
	l := &Logo{light: p, Height: logoHeight, Width: int(math.Round(p.ratio * logoHeight))}
	if l.Width > logoWidest {
		l.Width, l.Height = logoWidest, max(1, int(math.Round(logoWidest/p.ratio)))
	}
	if dark != nil {
		l.dark, err = newPicture("logo_dark", dark)
	}
	return l, err
}

// Light and Dark are the names of the logo's files; Dark is "" where one serves both.
func (l *Logo) Light() string { return l.light.name }

// Dark is for the dark scheme.
func (l *Logo) Dark() string {
	if l.dark == nil {
		return ""
	}
	return l.dark.name
}

func (l Look) faviconName() string {
	if l.favicon == nil {
		return "icon.svg"
	}
	return l.favicon.name
}

// FaviconType is the media type of the favicon.
func (s speaker) FaviconType() string {
	if s.site.Look.favicon == nil {
		return "image/svg+xml"
	}
	return s.site.Look.favicon.contentType
}

// picture is an SVG or PNG file.
type picture struct {
	name, contentType string
	body              []byte
	ratio             float64 // width by height
}

func newPicture(what string, body []byte) (*picture, error) {
	if len(body) > maxPicture {
		return nil, hint.Errorf("save it smaller: it is loaded with every page", "the %s has %d bytes, more than %d", what, len(body), maxPicture)
	}
	stem := strings.ReplaceAll(what, "_", "-")
	if c, err := png.DecodeConfig(bytes.NewReader(body)); err == nil {
		return &picture{stem + ".png", "image/png", body, float64(c.Width) / float64(c.Height)}, nil
	}
	ratio, err := measure(body)
	if err != nil {
		return nil, hint.Wrap(fmt.Errorf("read the %s: %w", what, err), "use a PNG, or an SVG with a viewBox and without scripts")
	}
	return &picture{stem + ".svg", "image/svg+xml", body, ratio}, nil
}

// measure reads the shape of an SVG, and refuses what is no mere picture: whoever opens its address
// opens it on the status page's own.
func measure(body []byte) (ratio float64, err error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && ratio > 0 {
			return ratio, nil
		}
		if err != nil {
			return 0, fmt.Errorf("it is neither PNG nor SVG: %w", err)
		}
		e, isElement := token.(xml.StartElement)
		if !isElement {
			continue
		}
		if ratio == 0 {
			if ratio, err = shape(e); err != nil {
				return 0, err
			}
		}
		if err := harmless(e); err != nil {
			return 0, err
		}
	}
}

func shape(e xml.StartElement) (float64, error) {
	if e.Name.Local != "svg" {
		return 0, fmt.Errorf("it begins with %q, not svg", e.Name.Local)
	}
	for _, a := range e.Attr {
		if a.Name.Local != "viewBox" {
			continue
		}
		box := strings.FieldsFunc(a.Value, func(r rune) bool { return r == ' ' || r == ',' })
		if len(box) == 4 {
			w, errW := strconv.ParseFloat(box[2], 64)
			h, errH := strconv.ParseFloat(box[3], 64)
			if errW == nil && errH == nil && w > 0 && h > 0 && w/h < 100 && h/w < 100 {
				return w / h, nil
			}
		}
	}
	return 0, errors.New("its viewBox does not say how wide and how high it is")
}

func harmless(e xml.StartElement) error {
	switch name := strings.ToLower(e.Name.Local); name {
	case "script", "foreignobject", "iframe", "handler", "set", "animate":
		return fmt.Errorf("it has an element %q", name)
	}
	for _, a := range e.Attr {
		name := strings.ToLower(a.Name.Local)
		if strings.HasPrefix(name, "on") || name == "href" && !strings.HasPrefix(a.Value, "#") && !strings.HasPrefix(a.Value, "data:image/png") {
			return fmt.Errorf("its attribute %q does more than draw", a.Name.Local)
		}
	}
	return nil
}
