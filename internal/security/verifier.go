package security

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// mostIterations bounds the work for one guess. The default is 4096 (scram_iterations).
const mostIterations = 100_000

// Proves says whether a password belongs to a role's verifier, as pg_authid.rolpassword has it: MD5
// (manual, "MD5 Authentication") or SCRAM-SHA-256 (RFC 5802, RFC 7677). What cannot be read proves nothing.
// The password is taken as it is: one with letters beyond ASCII may need SASLprep first.
func Proves(verifier, role, password string) bool {
	if sum, ok := strings.CutPrefix(verifier, "md5"); ok {
		got := md5.Sum([]byte(password + role))
		return hmac.Equal([]byte(sum), []byte(hex.EncodeToString(got[:])))
	}
	v, ok := readScram(verifier)
	if !ok {
		return false
	}
	stored, _, err := scramKeys(password, v.salt, v.iterations)
	return err == nil && hmac.Equal(stored, v.stored)
}

// scramKeys are StoredKey and ServerKey (RFC 5802, section 3).
func scramKeys(password string, salt []byte, iterations int) (stored, server []byte, err error) {
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return nil, nil, err
	}
	key := func(of string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(of))
		return mac.Sum(nil)
	}
	sum := sha256.Sum256(key("Client Key"))
	return sum[:], key("Server Key"), nil
}

// ErrPassword says that a verifier is not made of a password.
var ErrPassword = errors.New("a password is at least one character long, and of ASCII without control characters: others are spelled in several ways")

// iterations and saltSize are PostgreSQL's defaults (scram_iterations, SCRAM_DEFAULT_SALT_LEN).
const (
	iterations = 4096
	saltSize   = 16
)

// NewVerifier is what a server keeps of a password as SCRAM-SHA-256, with a salt of its own, in the form of
// pg_authid.rolpassword. A server that is given it takes it as it is, and never sees the password.
func NewVerifier(password string) (string, error) {
	if password == "" || strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "", ErrPassword
	}
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("make a salt: %w", err)
	}
	stored, server, err := scramKeys(password, salt, iterations)
	if err != nil {
		return "", fmt.Errorf("make a verifier: %w", err)
	}
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(stored), b64(server)), nil
}

type scram struct {
	iterations   int
	salt, stored []byte
}

// readScram reads SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
func readScram(s string) (v scram, ok bool) {
	rest, ok := strings.CutPrefix(s, "SCRAM-SHA-256$")
	if !ok {
		return v, false
	}
	how, keys, _ := strings.Cut(rest, "$")
	count, salt, _ := strings.Cut(how, ":")
	stored, _, _ := strings.Cut(keys, ":")
	var errs [3]error
	v.iterations, errs[0] = strconv.Atoi(count)
	v.salt, errs[1] = base64.StdEncoding.DecodeString(salt)
	v.stored, errs[2] = base64.StdEncoding.DecodeString(stored)
	ok = errs == [3]error{} && v.iterations > 0 && v.iterations <= mostIterations && len(v.stored) == sha256.Size
	return v, ok
}
