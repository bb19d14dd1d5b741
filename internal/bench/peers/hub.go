package main

import (
	"net/http"
	"sync"
	"time"
)

// hub has a goroutine and a channel for each listener.
type hub struct {
	mu        sync.Mutex
	listeners map[chan []byte]struct{}
}

func newHub() *hub { return &hub{listeners: map[chan []byte]struct{}{}} }

func (h *hub) publish(message []byte) error {
	frame := append(append([]byte("data: "), message...), '\n', '\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.listeners {
		select {
		case ch <- frame:
		default: // it does not keep up
			delete(h.listeners, ch)
			close(ch)
		}
	}
	return nil
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ch := make(chan []byte, 16)
	h.mu.Lock()
	h.listeners[ch] = struct{}{}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.listeners, ch)
		h.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	ctl := http.NewResponseController(w)
	if _, err := w.Write([]byte(": hello\n\n")); err != nil || ctl.Flush() != nil {
		return
	}
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		frame, open := []byte(": still here\n\n"), true
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
		case frame, open = <-ch:
		}
		if !open {
			return
		}
		if _, err := w.Write(frame); err != nil || ctl.Flush() != nil {
			return
		}
	}
}
