// Command peers is what Lull's event stream is measured beside, each as its own program: a plain hub of
// net/http as one writes it in an afternoon, and the centrifuge library. It is a module of its own, so that
// Lull's does not carry the library.
//
//	peers hub|centrifuge ADDRESS
//
// GET /events listens. POST /publish tells everyone its body, in which the word NOW is replaced by the instant.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// peer is a hub that anyone can listen to.
type peer interface {
	http.Handler // GET /events
	publish(message []byte) error
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: peers hub|centrifuge ADDRESS")
	}
	var p peer
	var err error
	switch args[0] {
	case "hub":
		p = newHub()
	case "centrifuge":
		p, err = newCentrifuge()
	default:
		err = fmt.Errorf("no peer is called %s", args[0])
	}
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /events", p)
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) {
		message, err := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		if err == nil {
			now := time.Now().UTC().Format(time.RFC3339Nano)
			err = p.publish(bytes.ReplaceAll(message, []byte("NOW"), []byte(now)))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	srv := &http.Server{Addr: args[1], Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	return srv.ListenAndServe()
}
