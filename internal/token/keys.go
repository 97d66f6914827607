package token

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// MasterKeyLen is the length of a master key, in bytes: it is a key of
// AES-256-GCM.
const MasterKeyLen = 32

const (
	// MaxKeys is how many keys there are at most, those included that only open.
	MaxKeys = 8

	// KeepRetired is how long a key opens tokens after it sealed the last one that it
	// should. Tokens live for a minute; the rest is for clocks that differ and for
	// nodes that hear late that another key seals.
	KeepRetired = time.Hour
)

// keysPurpose is authenticated with stored keys and what is known of them, as
// tokenPurpose is with tokens.
var keysPurpose = []byte("parley chat token keys v2")

// oldKeysPurpose is that of stored keys that are a single key of unknown age. They
// are read still.
var oldKeysPurpose = []byte("parley chat token keys v1")

// oldKeysStart is the first byte of those: the tag of a protobuf field. No CBOR map
// starts with it.
const oldKeysStart = 0x12

// KeyID names a key. It is not secret: every token begins with it.
type KeyID uint32

// String returns eight hexadecimal digits.
func (id KeyID) String() string { return fmt.Sprintf("%08x", uint32(id)) }

// KeyState says what a key does.
type KeyState string

// The states, in the order in which a key goes through them. A key that is new opens
// tokens, too: of a node that heard earlier that it seals.
const (
	KeyNew     KeyState = "new"     // every node is to have it before it seals
	KeySeals   KeyState = "seals"   // one key does
	KeyRetired KeyState = "retired" // it opens what it sealed
)

// Key is what is known of a key. Times are in UTC; those that lie ahead are zero.
type Key struct {
	ID      KeyID
	Added   time.Time
	Sealing time.Time // it seals from then on
	Retired time.Time // another key seals from then on
}

// State returns what the key does.
func (k Key) State() KeyState {
	switch {
	case !k.Retired.IsZero():
		return KeyRetired
	case !k.Sealing.IsZero():
		return KeySeals
	}
	return KeyNew
}

// Keys are the keys that seal and open tokens: one that seals, at most one that is
// new, and those that only open. Keys are values: a change makes new ones.
type Keys struct {
	handle *keyset.Handle
	list   []Key // in the order of their adding
}

// NewKeys returns a single fresh key, which seals. Two calls never make the same.
func NewKeys(now time.Time) (*Keys, error) {
	k, id, err := (&Keys{}).Add(now)
	if err != nil {
		return nil, err
	}
	return k.Promote(id, now)
}

// List returns what is known of each key, in the order of their adding.
func (k *Keys) List() []Key { return slices.Clone(k.list) }

// InState returns the key that is in a state; of retired ones the oldest.
func (k *Keys) InState(state KeyState) (Key, bool) {
	i := slices.IndexFunc(k.list, func(key Key) bool { return key.State() == state })
	if i < 0 {
		return Key{}, false
	}
	return k.list[i], true
}

// Add returns the keys and a fresh one that does not seal. The error says so when
// there is a new one, or when there are MaxKeys already.
func (k *Keys) Add(now time.Time) (*Keys, KeyID, error) {
	if key, ok := k.InState(KeyNew); ok {
		return nil, 0, fmt.Errorf("the key %s is new already", key.ID)
	}
	if len(k.list) >= MaxKeys {
		return nil, 0, fmt.Errorf("there are %d token keys, as many as there may be: the oldest "+
			"goes %s after it stopped sealing", MaxKeys, KeepRetired)
	}
	manager := k.manager()
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, 0, fmt.Errorf("make a token key: %w", err)
	}
	if len(k.list) == 0 {
		if err := manager.SetPrimary(id); err != nil { // Tink wants one
			return nil, 0, err
		}
	}
	list := append(k.List(), Key{ID: KeyID(id), Added: cut(now)})
	added, err := keysOf(manager, list)
	return added, KeyID(id), err
}

// Promote returns the keys with another one that seals.
func (k *Keys) Promote(id KeyID, now time.Time) (*Keys, error) {
	manager, list := k.manager(), k.List()
	if err := manager.SetPrimary(uint32(id)); err != nil {
		return nil, fmt.Errorf("promote the key %s: %w", id, err)
	}
	for i := range list {
		switch {
		case list[i].ID == id:
			list[i].Sealing = cut(now)
		case list[i].State() == KeySeals:
			list[i].Retired = cut(now)
		}
	}
	return keysOf(manager, list)
}

// Remove returns the keys without one that does not seal.
func (k *Keys) Remove(id KeyID) (*Keys, error) {
	manager := k.manager()
	if err := manager.Delete(uint32(id)); err != nil {
		return nil, fmt.Errorf("remove the key %s: %w", id, err)
	}
	return keysOf(manager, slices.DeleteFunc(k.List(), func(key Key) bool { return key.ID == id }))
}

// Prune returns the keys without those that can open nothing any more. When there are
// none, it returns the same keys.
func (k *Keys) Prune(now time.Time) (*Keys, error) {
	pruned := k
	for _, key := range k.list {
		if key.State() != KeyRetired || now.Sub(key.Retired) < KeepRetired {
			continue
		}
		var err error
		if pruned, err = pruned.Remove(key.ID); err != nil {
			return nil, err
		}
	}
	return pruned, nil
}

func (k *Keys) manager() *keyset.Manager {
	if k.handle == nil {
		return keyset.NewManager()
	}
	return keyset.NewManagerFromHandle(k.handle)
}

func keysOf(manager *keyset.Manager, list []Key) (*Keys, error) {
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("use token keys: %w", err)
	}
	return &Keys{handle: handle, list: list}, nil
}

// storedKeys is Keys as they are stored.
type storedKeys struct {
	Keyset []byte `cbor:"1,keyasint"` // of Tink, encrypted
	List   []byte `cbor:"2,keyasint"` // storedList, authenticated with Keyset
}

// storedList has what is known of each key. Times are in microseconds since 1970; 0 is
// none.
type storedList []struct {
	ID      uint32 `cbor:"1,keyasint"`
	Added   int64  `cbor:"2,keyasint"`
	Sealing int64  `cbor:"3,keyasint,omitempty"`
	Retired int64  `cbor:"4,keyasint,omitempty"`
}

// Encrypt returns the keys encrypted under master, ready to be stored.
func (k *Keys) Encrypt(master []byte) ([]byte, error) {
	wrapper, err := wrapperOf(master)
	if err != nil {
		return nil, err
	}
	list := make(storedList, len(k.list))
	for i, key := range k.list {
		list[i].ID, list[i].Added = uint32(key.ID), micro(key.Added)
		list[i].Sealing, list[i].Retired = micro(key.Sealing), micro(key.Retired)
	}
	var stored storedKeys
	if stored.List, err = cbor.Marshal(list); err != nil {
		return nil, fmt.Errorf("encode token keys: %w", err)
	}
	var encrypted bytes.Buffer
	err = k.handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&encrypted), wrapper,
		append(slices.Clone(keysPurpose), stored.List...))
	if err != nil {
		return nil, fmt.Errorf("encrypt token keys: %w", err)
	}
	stored.Keyset = encrypted.Bytes()
	return cbor.Marshal(stored)
}

// Decrypt returns the keys that Encrypt made into stored. The error says so when
// master is not the key that they were encrypted under. saved is when they were
// stored: keys whose age is not known are as old as that.
func Decrypt(stored, master []byte, saved time.Time) (*Keys, error) {
	wrapper, err := wrapperOf(master)
	if err != nil {
		return nil, err
	}
	if len(stored) > 0 && stored[0] == oldKeysStart {
		return decryptOld(stored, wrapper, saved)
	}
	var s storedKeys
	if err := strict.Unmarshal(stored, &s); err != nil {
		return nil, wrongMaster(err)
	}
	handle, err := decrypt(s.Keyset, wrapper, append(slices.Clone(keysPurpose), s.List...))
	if err != nil {
		return nil, err
	}
	var list storedList
	if err := strict.Unmarshal(s.List, &list); err != nil {
		return nil, fmt.Errorf("decode token keys: %w", err)
	}
	k := &Keys{handle: handle}
	for _, key := range list {
		k.list = append(k.list, Key{ID: KeyID(key.ID), Added: fromMicro(key.Added),
			Sealing: fromMicro(key.Sealing), Retired: fromMicro(key.Retired)})
	}
	return k, nil
}

// decryptOld returns the single key that was stored under oldKeysPurpose.
func decryptOld(stored []byte, wrapper tink.AEAD, saved time.Time) (*Keys, error) {
	handle, err := decrypt(stored, wrapper, oldKeysPurpose)
	if err != nil {
		return nil, err
	}
	primary, err := handle.Primary()
	if err != nil {
		return nil, fmt.Errorf("use token keys: %w", err)
	}
	return &Keys{handle: handle, list: []Key{
		{ID: KeyID(primary.KeyID()), Added: cut(saved), Sealing: cut(saved)},
	}}, nil
}

func decrypt(encrypted []byte, wrapper tink.AEAD, purpose []byte) (*keyset.Handle, error) {
	handle, err := keyset.ReadWithAssociatedData(
		keyset.NewBinaryReader(bytes.NewReader(encrypted)), wrapper, purpose)
	if err != nil {
		return nil, wrongMaster(err)
	}
	return handle, nil
}

func wrongMaster(err error) error {
	return fmt.Errorf("the master key does not open the stored token keys: "+
		"it is not the one they were encrypted under, or they were altered: %w", err)
}

// wrapperOf returns the cipher that encrypts keysets under master.
func wrapperOf(master []byte) (tink.AEAD, error) {
	if len(master) != MasterKeyLen {
		return nil, fmt.Errorf("the master key has %d bytes, it must have %d",
			len(master), MasterKeyLen)
	}
	return subtle.NewAESGCM(master)
}

// cut returns a time as it is stored.
func cut(t time.Time) time.Time { return fromMicro(micro(t)) }

func micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicro(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
