package token

import (
	"bytes"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// MasterKeyLen is the length of a master key, in bytes: it is a key of
// AES-256-GCM.
const MasterKeyLen = 32

// keysPurpose is authenticated with stored keys, as tokenPurpose is with tokens.
var keysPurpose = []byte("parley chat token keys v1")

// NewKeys makes a fresh keyset and returns it encrypted under master, ready to
// be stored. Two calls never make the same keys.
func NewKeys(master []byte) ([]byte, error) {
	wrapper, err := wrapperOf(master)
	if err != nil {
		return nil, err
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make token keys: %w", err)
	}
	var encrypted bytes.Buffer
	err = handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&encrypted), wrapper, keysPurpose)
	if err != nil {
		return nil, fmt.Errorf("encrypt token keys: %w", err)
	}
	return encrypted.Bytes(), nil
}

// NewSealer opens a keyset that NewKeys made. The error says so when master is
// not the key that it was encrypted under.
func NewSealer(encrypted, master []byte) (*Sealer, error) {
	wrapper, err := wrapperOf(master)
	if err != nil {
		return nil, err
	}
	handle, err := keyset.ReadWithAssociatedData(
		keyset.NewBinaryReader(bytes.NewReader(encrypted)), wrapper, keysPurpose)
	if err != nil {
		return nil, fmt.Errorf("the master key does not open the stored token keys: "+
			"it is not the one they were encrypted under, or they were altered: %w", err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("use token keys: %w", err)
	}
	return &Sealer{aead: primitive}, nil
}

// wrapperOf returns the cipher that encrypts keysets under master.
func wrapperOf(master []byte) (tink.AEAD, error) {
	if len(master) != MasterKeyLen {
		return nil, fmt.Errorf("the master key has %d bytes, it must have %d",
			len(master), MasterKeyLen)
	}
	return subtle.NewAESGCM(master)
}
