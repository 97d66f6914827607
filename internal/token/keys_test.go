package token_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/parley-chat/parley/internal/token"
)

const wrongMaster = "the master key does not open the stored token keys: " +
	"it is not the one they were encrypted under, or they were altered: "

func TestStoredKeysOpenTheirTokensAgain(t *testing.T) {
	sealer, keys := newSealer(t)
	sealed := mustSeal(t, sealer, sample())
	again, err := token.NewSealer(keys, master)
	if err != nil {
		t.Fatalf("NewSealer for the same keys: %v", err)
	}
	if _, err := again.Open(sealed, issued); err != nil {
		t.Errorf("a token is refused by a second sealer with the same keys: %v", err)
	}
}

func TestNewSealerRefusesTheWrongMasterKey(t *testing.T) {
	keys, err := token.NewKeys(master)
	if err != nil {
		t.Fatal(err)
	}
	nearly := bytes.Clone(master)
	nearly[len(nearly)-1] ^= 1
	s, err := token.NewSealer(keys, nearly)
	if err == nil || !strings.HasPrefix(err.Error(), wrongMaster) {
		t.Errorf("NewSealer under another master key = %v, error %q, want %q…", s, err, wrongMaster)
	}
}

func TestNewSealerRefusesDamagedKeys(t *testing.T) {
	keys, err := token.NewKeys(master)
	if err != nil {
		t.Fatal(err)
	}
	wrapper, err := subtle.NewAESGCM(master)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	var otherPurpose bytes.Buffer
	if err := handle.Write(keyset.NewBinaryWriter(&otherPurpose), wrapper); err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(keys)
	flipped[len(flipped)/2] ^= 1
	tests := []struct {
		name string
		keys []byte
	}{
		{"none", nil},
		{"text", []byte("not a keyset")},
		{"first half", keys[:len(keys)/2]},
		{"one bit flipped", flipped},
		{"sealed for another purpose", otherPurpose.Bytes()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := token.NewSealer(test.keys, master)
			if err == nil || !strings.HasPrefix(err.Error(), wrongMaster) {
				t.Errorf("NewSealer(%x) = %v, error %q, want %q…", test.keys, s, err, wrongMaster)
			}
		})
	}
}

func TestMasterKeyLength(t *testing.T) {
	keys, err := token.NewKeys(master)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		length int
		want   string
	}{
		{0, "the master key has 0 bytes, it must have 32"},
		{16, "the master key has 16 bytes, it must have 32"},
		{31, "the master key has 31 bytes, it must have 32"},
		{33, "the master key has 33 bytes, it must have 32"},
		{64, "the master key has 64 bytes, it must have 32"},
	}
	for _, test := range tests {
		key := bytes.Repeat([]byte{7}, test.length)
		if _, err := token.NewKeys(key); err == nil || err.Error() != test.want {
			t.Errorf("NewKeys with a key of %d bytes: error %v, want %q", test.length, err, test.want)
		}
		if _, err := token.NewSealer(keys, key); err == nil || err.Error() != test.want {
			t.Errorf("NewSealer with a key of %d bytes: error %v, want %q", test.length, err, test.want)
		}
	}
}

func TestNewKeysAreFreshAndDoNotShowTheMasterKey(t *testing.T) {
	a, err := token.NewKeys(master)
	if err != nil {
		t.Fatal(err)
	}
	b, err := token.NewKeys(master)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a, b) {
		t.Errorf("two calls of NewKeys returned the same %x", a)
	}
	if bytes.Contains(a, master[:8]) {
		t.Errorf("the stored keys %x hold part of the master key", a)
	}
}
