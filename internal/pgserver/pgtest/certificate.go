package pgtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Certificate makes one that vouches for itself, and its key, both in PEM. One without a name is for this machine, and one
// without an end good for a year.
func Certificate(t testing.TB, of x509.Certificate) (cert, key []byte) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	of.SerialNumber = big.NewInt(1)
	if len(of.DNSNames)+len(of.IPAddresses) == 0 {
		of.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	if of.NotAfter.IsZero() {
		of.NotAfter = time.Now().AddDate(1, 0, 0)
	}
	made, err := x509.CreateCertificate(rand.Reader, &of, &of, &secret.PublicKey, secret)
	check(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(secret)
	check(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// CertificateFiles writes one for this machine, and its key, into a folder that ends with the test.
func CertificateFiles(t testing.TB) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "db.crt"), filepath.Join(dir, "db.key")
	c, k := Certificate(t, x509.Certificate{})
	check(t, os.WriteFile(cert, c, 0o600))
	check(t, os.WriteFile(key, k, 0o600))
	return cert, key
}

// Certify gives a server's folder a certificate and its key, under the names that a server looks for.
func (s *Server) Certify(t testing.TB, of x509.Certificate) {
	t.Helper()
	cert, key := Certificate(t, of)
	check(t, s.Owner.WriteFile(filepath.Join(s.Data, "server.crt"), cert))
	check(t, s.Owner.WriteFile(filepath.Join(s.Data, "server.key"), key))
}
