package webhook_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/webhook"
)

// Source of the proofs: openssl dgst -sha256 -hmac.
func TestSign(t *testing.T) {
	const one = "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
	const two = "9fea275310eb624665186a1708355e97bb02778e53a18c34f61a4c75069d4128"
	now := time.Unix(1700000000, 999)
	body := []byte(`{"a":1}`)
	for _, test := range []struct {
		secrets [][]byte
		want    string
	}{
		{[][]byte{[]byte("secret")}, "t=1700000000,v1=" + one},
		{[][]byte{[]byte("secret"), []byte("next")}, "t=1700000000,v1=" + one + ",v1=" + two},
	} {
		if got := webhook.Sign(test.secrets, now, body); got != test.want {
			t.Errorf("with %d secrets the signature is\n%s, want\n%s", len(test.secrets), got, test.want)
		}
	}
}
