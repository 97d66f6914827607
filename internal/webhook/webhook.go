// Package webhook signs what the server posts to webhooks, in the one form that all of
// them get.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// SignatureHeader holds when a webhook was called, and the proof that it was by this
// server: t=UNIXTIME,v1=HEX, with a v1 for each secret. The proof is the HMAC-SHA256 of
// the time, a dot and the body.
const SignatureHeader = "Parley-Signature"

// Sign returns the value of SignatureHeader for a body. There are two secrets while the
// receiver goes over from one to the other.
func Sign(secrets [][]byte, now time.Time, body []byte) string {
	at := strconv.FormatInt(now.Unix(), 10)
	value := "t=" + at
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(at + "."))
		mac.Write(body)
		value += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return value
}
