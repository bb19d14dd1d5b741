package probe

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
)

const (
	maxBody   = 64 << 10 // of an answer that is read; an end before the end is a failure
	maxHeader = 64 << 10
)

// transports are where every request of this package comes from, by whether certificates count.
var transports = map[bool]*http.Transport{true: newTransport(true), false: newTransport(false)}

// newTransport makes one that keeps nothing.
//
// Each request connects anew: a connection that is kept would hide that nobody can open one,
// that a name is gone, or that a certificate has ended. With thousands of targets the cost is
// in what a connection holds while it waits for an answer, so its buffers are small.
func newTransport(verify bool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{KeepAlive: -1}).DialContext,
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: !verify},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
		ReadBufferSize:         2 << 10,
		WriteBufferSize:        1 << 10,
	}
}

// holds reads what an answer has, up to maxBody, and says whether text is in it.
func holds(r io.Reader, text string) (bool, error) {
	r = io.LimitReader(r, maxBody)
	found, err := find(r, text)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return found, err
}

// find reads until text has come by. It keeps no more than a piece of what it reads.
func find(r io.Reader, text string) (bool, error) {
	if text == "" {
		return true, nil
	}
	buf := make([]byte, 4<<10+2*len(text))
	for kept := 0; ; {
		n, err := r.Read(buf[kept:])
		seen := buf[:kept+n]
		if bytes.Contains(seen, []byte(text)) {
			return true, nil
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		kept = copy(buf, seen[max(0, len(seen)-len(text)+1):]) // it may have begun
	}
}
