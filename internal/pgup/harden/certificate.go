package harden

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Usable says what is wrong with the certificate and its key; nil = the server can speak TLS with them today.
func (t TLS) Usable(now time.Time) error {
	if t.Certificate == "" {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
	if err != nil {
		return fmt.Errorf("read the new server's certificate: %w", err)
	}
	switch cert := pair.Leaf; {
	case now.After(cert.NotAfter):
		return fmt.Errorf("the new server's certificate %s ended on %s", t.Certificate, cert.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(cert.NotBefore):
		return fmt.Errorf("the new server's certificate %s begins on %s", t.Certificate, cert.NotBefore.UTC().Format(time.DateOnly))
	}
	return nil
}

// installCertificate copies both files into the data folder: the server reads only what is its own user's, and the key only when nobody else can.
func (t Target) installCertificate(from TLS) error {
	if from.Certificate == "" {
		return nil
	}
	if err := from.Usable(time.Now()); err != nil {
		return err
	}
	for name, file := range map[string]string{certificateFile: from.Certificate, keyFile: from.Key} {
		b, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("copy the new server's certificate: %w", err)
		}
		if err := t.write(filepath.Join(t.Data, name), string(b)); err != nil {
			return err
		}
	}
	return nil
}

func (t Target) removeCertificate() error {
	for _, name := range []string{certificateFile, keyFile} {
		if err := os.Remove(filepath.Join(t.Data, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove the new server's certificate: %w", err)
		}
	}
	return nil
}
