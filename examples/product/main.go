// Product is a page that has Lull's widget in it, and the server of a product that says who is signed in. Look at it beside a
// lull serve whose lull.yaml has a channel of the kind widget: docs/widget.md.
//
// There are no passwords: it is an example, and it listens on this machine alone.
package main

import (
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

//go:embed page.html
var markup string

var page = template.Must(template.New("page").Parse(markup))

func main() {
	lull := flag.String("lull", "http://127.0.0.1:8080", "address of lull serve")
	keys := flag.String("keys", "secrets/widget", "the file that keys_file in lull.yaml names")
	listen := flag.String("listen", "127.0.0.1:3000", "where the product listens; http://127.0.0.1:3000 is its origin then")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := serve(ctx, *listen, *lull, *keys)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, listen, lull, keys string) error {
	text, err := os.ReadFile(keys)
	if err != nil {
		return err
	}
	handler, err := product(lull, string(text))
	if err != nil {
		return fmt.Errorf("read %s: %w", keys, err)
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/\n", ln.Addr())
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// person is a cookie's name, and who is signed in its value.
const person = "person"

// product has a page, a way in and out, and an address that says who is signed in.
func product(lull, keys string) (http.Handler, error) {
	name, secret, err := lastKey(keys)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'self'; script-src "+lull+"; connect-src 'self' "+lull+"; img-src 'self' "+lull+"; require-trusted-types-for 'script'")
		_ = page.Execute(w, map[string]string{"Lull": lull, "Person": signedIn(r)}) // the reader has gone: nobody to tell
	})
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: person, Value: r.FormValue("name"), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /lull-token", func(w http.ResponseWriter, r *http.Request) {
		id := signedIn(r)
		if id == "" {
			http.Error(w, "nobody is signed in", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		token, err := sign(name, secret, id)
		if err != nil {
			http.Error(w, "no token can be made", http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte(token)) // the reader has gone: nobody to tell
	})
	return http.NewCrossOriginProtection().Handler(mux), nil
}

// sign says who somebody is, for ten minutes.
func sign(name string, secret []byte, id string) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"aud": "lull", "sub": id, "exp": time.Now().Add(10 * time.Minute).Unix(),
		"zoneinfo": "Pacific/Auckland", "locale": "en", "traits": map[string]string{"plan": "pro"},
	})
	token.Header["kid"] = name
	return token.SignedString(secret)
}

func signedIn(r *http.Request) string {
	c, err := r.Cookie(person)
	if err != nil {
		return ""
	}
	return c.Value
}

// lastKey is the newest key of the file.
func lastKey(text string) (name string, secret []byte, err error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	f := strings.Fields(lines[len(lines)-1])
	if len(f) != 3 || f[1] != "HS256" {
		return "", nil, errors.New("its last line is not a name, HS256 and a secret")
	}
	secret, err = base64.StdEncoding.DecodeString(f[2])
	return f[0], secret, err
}
