package netguard_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/lullhq/lull/internal/hint"
	"github.com/lullhq/lull/internal/netguard"
)

// Each of these has let somebody in elsewhere.
func TestWhatIsNotTheOpenInternetIsRefused(t *testing.T) {
	t.Parallel()
	g := netguard.New()
	for _, address := range []string{
		"127.0.0.1:80", "[::1]:80", "0.0.0.0:80", "[::]:80", "10.0.0.1:80", "172.16.0.1:80", "192.168.1.1:80", "169.254.169.254:80", "100.64.0.1:80",
		"[::ffff:127.0.0.1]:80", "[::ffff:169.254.169.254]:80", "[::127.0.0.1]:80", "[64:ff9b::7f00:1]:80", "[64:ff9b:1::7f00:1]:80", "[2002:7f00:1::]:80", "[fec0::1]:80", "[fe80::1]:80",
		"[fc00::1]:80", "[2001:db8::1]:80", "[2001::1]:80", "[ff02::1]:80", "198.18.0.1:80", "224.0.0.1:80", "255.255.255.255:80", "localhost:80",
	} {
		conn, err := g.Dial(t.Context(), "tcp", address)
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, netguard.ErrPrivate) || hint.Of(err) == "" {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestAllowedNetworksAndRedirects(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	if _, err := netguard.New().Client().Get(server.URL); !errors.Is(err, netguard.ErrPrivate) {
		t.Errorf("without leave: %v", err)
	}
	answer, err := netguard.New(netip.MustParsePrefix("127.0.0.0/8")).Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("answered %s", answer.Status)
	}
}
