package security

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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
	salted, err := pbkdf2.Key(sha256.New, password, v.salt, v.iterations, sha256.Size)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, salted)
	mac.Write([]byte("Client Key"))
	stored := sha256.Sum256(mac.Sum(nil))
	return hmac.Equal(stored[:], v.stored)
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
