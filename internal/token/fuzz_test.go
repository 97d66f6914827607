package token_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley"
)

func encode(sealed []byte) string { return base64.RawURLEncoding.EncodeToString(sealed) }

func decode(t testing.TB, sealed string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// FuzzOpen feeds foreign text, all of which must be refused: nothing here knows
// the keys.
func FuzzOpen(f *testing.F) {
	sealer, _ := newSealer(f)
	other, _ := newSealer(f)
	sealed := mustSeal(f, sealer, sample())
	for _, seed := range []string{
		"", "A", "====", "v1.Zm9vYmFy-_8.c2VhbGVk", "\n\n\n\n",
		sealed[:len(sealed)-4], sealed[:20], sealed + sealed, mustSeal(f, other, sample()),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sealed string) {
		got, err := sealer.Open(sealed, issued)
		if parley.CodeOf(err) != parley.Unauthenticated {
			t.Errorf("Open(%q) = %+v, error %v, want code unauthenticated", sealed, got, err)
		}
	})
}

// FuzzRecord seals foreign bytes under the right keys: they never make Open
// panic, and what it accepts survives being sealed and opened again.
func FuzzRecord(f *testing.F) {
	sealer, keys := newSealer(f)
	primitive := openKeys(f, keys)
	longAgo := time.UnixMicro(-1 << 63)
	f.Add([]byte(nil))
	f.Add(marshal(f, record()))
	f.Add(marshal(f, with(7, map[string]string{"displayName": "Ana ⚽", "": ""})))
	f.Add(marshal(f, with(12, []any{1, "x"})))
	f.Add(marshal(f, with(10, int64(-1)<<63)))
	f.Fuzz(func(t *testing.T, plain []byte) {
		if len(plain) > 3000 {
			return // over the limit on the length of a token
		}
		sealed, err := primitive.Encrypt(plain, []byte(purpose))
		if err != nil {
			t.Fatal(err)
		}
		first, err := sealer.Open(encode(sealed), longAgo)
		if err != nil {
			return
		}
		again, err := sealer.Open(mustSeal(t, sealer, first), longAgo)
		if diff := cmp.Diff(first, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("record %x opened, but not again: error %v (-first +again):\n%s", plain, err, diff)
		}
	})
}
