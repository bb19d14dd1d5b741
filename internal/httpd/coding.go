package httpd

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// coding is how the bytes of an answer are packed.
type coding int

const (
	plain coding = iota
	gzipped
	zstandard
	brotlied
	codings = iota
)

var codingNames = [codings]string{plain: "identity", gzipped: "gzip", zstandard: "zstd", brotlied: "br"}

// choose picks the coding that the client likes best, and of those that it likes equally the one
// that packs best (RFC 9110, section 12.5.3). Whoever refuses everything gets the bytes as they are.
func choose(accept string) coding {
	var wishes [codings]float64
	named, others := [codings]bool{}, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		name, q := wish(part)
		if name == "*" {
			others = q
			continue
		}
		for c := range codings {
			if strings.EqualFold(name, codingNames[c]) {
				named[c], wishes[c] = true, q
			}
		}
	}
	best := plain
	for c := gzipped; c < codings; c++ {
		if !named[c] {
			wishes[c] = others
		}
		if wishes[c] > 0 && wishes[c] >= wishes[best] {
			best = c
		}
	}
	return best
}

// wish reads one item of the list. What is not a number is no wish.
func wish(part string) (name string, q float64) {
	name, params, found := strings.Cut(part, ";")
	name = strings.TrimSpace(name)
	if !found {
		return name, 1
	}
	_, value, _ := strings.Cut(params, "=")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return name, 0
	}
	return name, q
}

// pack compresses b. Each file is packed once a change, while somebody waits: the levels are
// those that pack a page in some milliseconds.
func (c coding) pack(b []byte) []byte {
	var out bytes.Buffer
	switch c {
	case gzipped:
		w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // a level that there is
		writeAll(w, b)
	case brotlied:
		writeAll(brotli.NewWriterLevel(&out, brotliLevel), b)
	case zstandard:
		return zstandardEncoder().EncodeAll(b, nil)
	default:
		return b
	}
	return out.Bytes()
}

const brotliLevel = 7

// writeAll cannot go wrong: what is below the writer is memory.
func writeAll(w interface {
	Write([]byte) (int, error)
	Close() error
}, b []byte) {
	_, _ = w.Write(b)
	_ = w.Close()
}

// zstandardEncoder is made when the first client asks for it: it keeps some memory for good. A window
// of 8 MB is the most that browsers take (RFC 9659), and no page needs it.
var zstandardEncoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<19), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // options that do not go together: no program starts to serve with them
	}
	return e
})
