package token_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/token"
)

const wrongMaster = "the master key does not open the stored token keys: " +
	"it is not the one they were encrypted under, or they were altered: "

// decrypt returns keys as they come back from the store.
func decrypt(t testing.TB, stored []byte) *token.Keys {
	t.Helper()
	keys, err := token.Decrypt(stored, master, issued)
	if err != nil {
		t.Fatalf("Decrypt: %v", err)
	}
	return keys
}

func sealerOf(t testing.TB, keys *token.Keys) *token.Sealer {
	t.Helper()
	sealer, err := token.NewSealer(keys)
	if err != nil {
		t.Fatalf("NewSealer: %v", err)
	}
	return sealer
}

// add returns the keys with another one that is new, and its id.
func add(t testing.TB, keys *token.Keys, now time.Time) (*token.Keys, token.KeyID) {
	t.Helper()
	keys, id, err := keys.Add(now)
	if err != nil {
		t.Fatalf("Add: %v", err)
	}
	return keys, id
}

// rotate returns the keys with another one that seals.
func rotate(t testing.TB, keys *token.Keys, now time.Time) *token.Keys {
	t.Helper()
	keys, id := add(t, keys, now)
	keys, err := keys.Promote(id, now)
	if err != nil {
		t.Fatalf("Promote: %v", err)
	}
	return keys
}

func TestStoredKeysOpenTheirTokensAgain(t *testing.T) {
	sealer, stored := newSealer(t)
	sealed := mustSeal(t, sealer, sample())
	if _, err := sealerOf(t, decrypt(t, stored)).Open(sealed, issued); err != nil {
		t.Errorf("a token is refused by a second sealer with the same keys: %v", err)
	}
}

// TestOldKeysAreRead reads a key in the form of before there was rotation.
func TestOldKeysAreRead(t *testing.T) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	wrapper, err := subtle.NewAESGCM(master)
	if err != nil {
		t.Fatal(err)
	}
	var stored bytes.Buffer
	err = handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&stored), wrapper,
		[]byte("parley chat token keys v1"))
	if err != nil {
		t.Fatal(err)
	}
	keys := decrypt(t, stored.Bytes())
	id := token.KeyID(handle.KeysetInfo().GetPrimaryKeyId())
	want := []token.Key{{ID: id, Added: issued.Truncate(time.Microsecond),
		Sealing: issued.Truncate(time.Microsecond)}}
	if diff := cmp.Diff(want, keys.List()); diff != "" {
		t.Errorf("an old key (-want +got):\n%s", diff)
	}
	sealed := mustSeal(t, sealerOf(t, keys), sample())
	later := sealerOf(t, decrypt(t, encrypt(t, rotate(t, keys, issued))))
	if _, err := later.Open(sealed, issued); err != nil {
		t.Errorf("after a rotation and another form, a token of the old key is refused: %v", err)
	}
}

// TestKeysGoThroughTheirStates follows a key through a rotation, and what each state
// seals and opens.
func TestKeysGoThroughTheirStates(t *testing.T) {
	at := issued.Truncate(time.Microsecond)
	before := newKeys(t)
	first := before.List()[0].ID
	added, second := add(t, before, at.Add(time.Hour))
	promoted, err := added.Promote(second, at.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := []token.Key{
		{ID: first, Added: at, Sealing: at, Retired: at.Add(2 * time.Hour)},
		{ID: second, Added: at.Add(time.Hour), Sealing: at.Add(2 * time.Hour)},
	}
	if diff := cmp.Diff(want, decrypt(t, encrypt(t, promoted)).List()); diff != "" {
		t.Errorf("keys after a rotation (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]token.Key{{ID: first, Added: at, Sealing: at}}, before.List()); diff != "" {
		t.Errorf("the keys from before were changed (-want +got):\n%s", diff)
	}
	old := mustSeal(t, sealerOf(t, added), sample())
	fresh := mustSeal(t, sealerOf(t, promoted), sample())
	pruned, err := promoted.Prune(at.Add(2*time.Hour + token.KeepRetired))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, sealed string
		keys         *token.Keys
		opens        bool
	}{
		{"of the old key by the keys from before", old, before, true},
		{"of the old key by the keys with a new one", old, added, true},
		{"of the old key once another seals", old, promoted, true},
		{"of the old key once it is gone", old, pruned, false},
		{"of the new key by the keys from before", fresh, before, false},
		{"of the new key where it does not seal yet", fresh, added, true},
		{"of the new key", fresh, promoted, true},
		{"of the new key once it is the only one", fresh, pruned, true},
	}
	for _, test := range tests {
		sealer := sealerOf(t, test.keys)
		if _, err := sealer.Open(test.sealed, issued); (err == nil) != test.opens {
			t.Errorf("a token %s: %v, want opened %t", test.name, err, test.opens)
		}
		if foreign := sealer.Foreign(test.sealed); foreign == test.opens {
			t.Errorf("a token %s is foreign %t, want %t", test.name, foreign, !test.opens)
		}
	}
}

func TestForeignIsNotFooled(t *testing.T) {
	sealer, _ := newSealer(t)
	sealed := mustSeal(t, sealer, sample())
	for _, text := range []string{"", "A", sealed[:7], "========", "AAAAAAAA", "\n\n\n\n\n\n\n\n",
		strings.Repeat("A", 4097)} {
		if sealer.Foreign(text) {
			t.Errorf("%.20q is taken for a token of another key", text)
		}
	}
	if !sealer.Foreign("AQAAAAAA") {
		t.Error("the shortest text with the id of another key is not taken for its token")
	}
}

func TestWithdrawnKeyIsGone(t *testing.T) {
	keys, id := add(t, newKeys(t), issued)
	removed, err := keys.Remove(id)
	if err != nil {
		t.Fatal(err)
	}
	if key, ok := removed.InState(token.KeyNew); ok {
		t.Errorf("after its removal there is the new key %+v", key)
	}
	if seals, _ := removed.InState(token.KeySeals); len(removed.List()) != 1 || seals.ID == id {
		t.Errorf("after the removal there are %+v", removed.List())
	}
	if keys, err := removed.Remove(removed.List()[0].ID); err == nil {
		t.Errorf("the key that seals can be removed: %+v", keys.List())
	}
	if keys, err := removed.Promote(id, issued); err == nil {
		t.Errorf("a key that is gone can be promoted: %+v", keys.List())
	}
}

func TestPruneKeepsWhatOpens(t *testing.T) {
	at := issued.Truncate(time.Microsecond)
	keys := rotate(t, rotate(t, newKeys(t), at), at.Add(time.Hour))
	tests := []struct {
		name string
		now  time.Time
		want int
	}{
		{"before any is old", at.Add(token.KeepRetired - time.Microsecond), 3},
		{"when the first is", at.Add(token.KeepRetired), 2},
		{"when all retired ones are", at.Add(time.Hour + token.KeepRetired), 1},
		{"much later", at.Add(1000 * time.Hour), 1},
	}
	for _, test := range tests {
		pruned, err := keys.Prune(test.now)
		if err != nil || len(pruned.List()) != test.want {
			t.Errorf("%s: %d keys, %v; want %d", test.name, len(pruned.List()), err, test.want)
		}
		if test.want == 3 && pruned != keys {
			t.Errorf("%s: Prune returned other keys though nothing had to go", test.name)
		}
	}
}

func TestKeysHaveALimit(t *testing.T) {
	keys := newKeys(t)
	for range token.MaxKeys - 1 {
		keys = rotate(t, keys, issued)
	}
	_, _, err := keys.Add(issued)
	const want = "there are 8 token keys, as many as there may be: " +
		"the oldest goes 1h0m0s after it stopped sealing"
	if err == nil || err.Error() != want {
		t.Errorf("a key more than there may be: %v, want %q", err, want)
	}
	keys, _ = add(t, newKeys(t), issued)
	if _, _, err = keys.Add(issued); err == nil || !strings.HasSuffix(err.Error(), "is new already") {
		t.Errorf("a second new key: %v", err)
	}
}

func TestDecryptRefusesTheWrongMasterKey(t *testing.T) {
	stored := encrypt(t, newKeys(t))
	nearly := bytes.Clone(master)
	nearly[len(nearly)-1] ^= 1
	k, err := token.Decrypt(stored, nearly, issued)
	if err == nil || !strings.HasPrefix(err.Error(), wrongMaster) {
		t.Errorf("Decrypt under another master key = %v, error %q, want %q…", k, err, wrongMaster)
	}
}

// TestDecryptRefusesAlteredKeys flips every bit, of the ages too, and cuts everywhere.
func TestDecryptRefusesAlteredKeys(t *testing.T) {
	stored := encrypt(t, rotate(t, newKeys(t), issued))
	for i := range stored {
		for bit := range 8 {
			altered := bytes.Clone(stored)
			altered[i] ^= 1 << bit
			if k, err := token.Decrypt(altered, master, issued); err == nil {
				t.Fatalf("with bit %d of byte %d flipped they are %+v", bit, i, k.List())
			}
		}
		if k, err := token.Decrypt(stored[:i], master, issued); err == nil {
			t.Fatalf("the first %d of %d bytes are %+v", i, len(stored), k.List())
		}
	}
	if _, err := token.Decrypt(append(stored, 0), master, issued); err == nil {
		t.Error("with a byte more they can be read")
	}
}

func TestMasterKeyLength(t *testing.T) {
	keys := newKeys(t)
	stored := encrypt(t, keys)
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
		if _, err := keys.Encrypt(key); err == nil || err.Error() != test.want {
			t.Errorf("Encrypt with a key of %d bytes: error %v, want %q", test.length, err, test.want)
		}
		if _, err := token.Decrypt(stored, key, issued); err == nil || err.Error() != test.want {
			t.Errorf("Decrypt with a key of %d bytes: error %v, want %q", test.length, err, test.want)
		}
	}
}

func TestNewKeysAreFreshAndDoNotShowTheMasterKey(t *testing.T) {
	a, b := encrypt(t, newKeys(t)), encrypt(t, newKeys(t))
	if bytes.Equal(a, b) {
		t.Errorf("two calls of NewKeys returned the same %x", a)
	}
	if bytes.Contains(a, master[:8]) {
		t.Errorf("the stored keys %x hold part of the master key", a)
	}
}

// FuzzDecrypt feeds foreign bytes, which are refused and never panic.
func FuzzDecrypt(f *testing.F) {
	stored := encrypt(f, newKeys(f))
	for _, seed := range [][]byte{nil, {0x12}, {0xa2}, stored[:len(stored)-1], stored[1:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, altered []byte) {
		k, err := token.Decrypt(altered, master, issued)
		if err == nil && !slices.Equal(altered, stored) {
			t.Errorf("%x are the keys %+v", altered, k.List())
		}
	})
}

func TestKeyStateOrder(t *testing.T) {
	at := time.Unix(1, 0)
	for want, key := range map[token.KeyState]token.Key{
		token.KeyNew:     {Added: at},
		token.KeySeals:   {Added: at, Sealing: at},
		token.KeyRetired: {Added: at, Sealing: at, Retired: at},
	} {
		if got := key.State(); got != want {
			t.Errorf("a key with %+v is %s, want %s", key, got, want)
		}
	}
	if got := token.KeyID(0xab).String(); got != "000000ab" {
		t.Errorf("the id 0xab is written %s", got)
	}
}

func TestRetiredKeysOutliveTheirTokens(t *testing.T) {
	if token.KeepRetired < 2*parley.TokenLife {
		t.Errorf("keys are kept for %s, and tokens live for %s", token.KeepRetired, parley.TokenLife)
	}
}
