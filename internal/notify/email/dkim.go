package email

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/emersion/go-msgauth/dkim"
)

// signed are the headers that a signature covers. One-click unsubscribing asks for the List- ones (RFC 8058).
var signed = []string{
	"From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "MIME-Version", "Content-Type", "Auto-Submitted", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post",
}

// Signer signs mail as DKIM has it (RFC 6376). key is PEM: RSA of 2048 bits or more, or Ed25519.
func Signer(domain, selector string, key []byte) (func([]byte) ([]byte, error), error) {
	signer, err := parseKey(key)
	if err != nil {
		return nil, err
	}
	return func(message []byte) ([]byte, error) {
		var out bytes.Buffer
		err := dkim.Sign(&out, bytes.NewReader(message), &dkim.SignOptions{
			Domain: domain, Selector: selector, Signer: signer, HeaderKeys: signed,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
		if err != nil {
			return nil, fmt.Errorf("sign it: %w", err)
		}
		return out.Bytes(), nil
	}, nil
}

const shortestRSA = 2048 // bits; shorter keys are not believed any more

func parseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the key is not PEM")
	}
	var key any
	var err error
	if block.Type == "RSA PRIVATE KEY" {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	} else {
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, errors.New("the key is neither PKCS #8 nor an RSA key") // the reason may quote it
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < shortestRSA {
			return nil, fmt.Errorf("the key has %d bits, and needs %d", k.N.BitLen(), shortestRSA)
		}
		return k, nil
	case ed25519.PrivateKey:
		return k, nil
	}
	return nil, errors.New("the key is neither RSA nor Ed25519")
}
