package email

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/lullhq/lull/internal/notify"
)

// Token is the place in an address for leaving that stands for the one who leaves.
const Token = "{token}"

// Leaver gives addresses by which people leave, with a token that nobody else can make: the recipient, a
// dot, and an HMAC-SHA256 of the recipient under the key, both in base64 without padding.
func Leaver(address string, key []byte) func(recipient string) string {
	return func(recipient string) string {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(recipient))
		e := base64.RawURLEncoding
		return strings.ReplaceAll(address, Token, e.EncodeToString([]byte(recipient))+"."+e.EncodeToString(mac.Sum(nil)))
	}
}

// leave is the address by which a recipient leaves, "" when there is none.
func (m *Mailer) leave(msg notify.Message) string {
	if msg.Leave != "" || m.Leave == nil {
		return msg.Leave
	}
	return m.Leave(msg.To.Recipient)
}
