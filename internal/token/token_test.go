package token_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
	"pgregory.net/rapid"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/token"
)

// issued is when the tokens of these tests are made.
var issued = time.Date(2026, 3, 9, 18, 42, 7, 513_902_000, time.UTC)

var master = bytes.Repeat([]byte{7}, token.MasterKeyLen)

// newSealer returns a sealer with fresh keys, and these keys as they are stored.
func newSealer(t testing.TB) (*token.Sealer, []byte) {
	t.Helper()
	keys := newKeys(t)
	sealer, err := token.NewSealer(keys)
	if err != nil {
		t.Fatalf("NewSealer: %v", err)
	}
	return sealer, encrypt(t, keys)
}

func newKeys(t testing.TB) *token.Keys {
	t.Helper()
	keys, err := token.NewKeys(issued)
	if err != nil {
		t.Fatalf("NewKeys: %v", err)
	}
	return keys
}

func encrypt(t testing.TB, keys *token.Keys) []byte {
	t.Helper()
	stored, err := keys.Encrypt(master)
	if err != nil {
		t.Fatalf("Encrypt: %v", err)
	}
	return stored
}

// openKeys does what Decrypt and NewSealer do, so that tests can seal what Seal would not.
func openKeys(t testing.TB, keys []byte) tink.AEAD {
	t.Helper()
	wrapper, err := subtle.NewAESGCM(master)
	if err != nil {
		t.Fatal(err)
	}
	var stored struct {
		Keyset []byte `cbor:"1,keyasint"`
		List   []byte `cbor:"2,keyasint"`
	}
	if err := cbor.Unmarshal(keys, &stored); err != nil {
		t.Fatal(err)
	}
	handle, err := keyset.ReadWithAssociatedData(
		keyset.NewBinaryReader(bytes.NewReader(stored.Keyset)),
		wrapper, append([]byte("parley chat token keys v2"), stored.List...))
	if err != nil {
		t.Fatal(err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		t.Fatal(err)
	}
	return primitive
}

// purpose is what sealed tokens are bound to. Changing it makes every token out
// there worthless, which is right only together with a change of their form.
const purpose = "parley chat token v1"

// forge seals any plaintext for any purpose and returns the bytes before base64.
func forge(t testing.TB, keys, plain []byte, purpose string) []byte {
	t.Helper()
	sealed, err := openKeys(t, keys).Encrypt(plain, []byte(purpose))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func mustSeal(t testing.TB, s *token.Sealer, tok parley.Token) string {
	t.Helper()
	sealed, err := s.Seal(tok)
	if err != nil {
		t.Fatalf("Seal(%+v): %v", tok, err)
	}
	return sealed
}

func sample() parley.Token {
	return parley.NewToken(parley.TokenRequest{
		Room:           parley.World{Region: "eu-west-1", Account: "123456789012"}.NewRoomARN(),
		UserID:         "ana",
		Attributes:     map[string]string{"displayName": "Ana ⚽"},
		Capabilities:   parley.SendMessage | parley.DisconnectUser,
		SessionMinutes: 60,
	}, issued)
}

// wantRefused checks what Open returned for a text described by what.
func wantRefused(t *testing.T, what string, tok parley.Token, err error) {
	t.Helper()
	const text = "The chat token is invalid or has expired"
	if parley.CodeOf(err) != parley.Unauthenticated || err.Error() != text {
		t.Errorf("%s: Open returned %+v and error %v, want code unauthenticated and the text %q",
			what, tok, err, text)
	}
	if diff := cmp.Diff(parley.Token{}, tok); diff != "" {
		t.Errorf("%s: Open returned an error and a token (-want +got):\n%s", what, diff)
	}
}

func TestOpenReturnsWhatWasSealed(t *testing.T) {
	sealer, _ := newSealer(t)
	word := rapid.StringMatching(`[a-zA-Z0-9-]{1,30}`)
	short := rapid.StringN(0, 9, -1)
	times := rapid.Custom(func(t *rapid.T) time.Time {
		return time.UnixMicro(rapid.Int64().Draw(t, "µs")).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		tok := parley.Token{
			Room: parley.ARN{
				Region:  word.Draw(t, "region"),
				Account: word.Draw(t, "account"),
				Kind:    parley.Kind(word.Draw(t, "kind")),
				ID:      word.Draw(t, "room id"),
			},
			UserID:           rapid.StringN(1, parley.MaxUserIDLen, -1).Draw(t, "user id"),
			Attributes:       rapid.MapOfN(short, short, 0, 20).Draw(t, "attributes"),
			Capabilities:     parley.Capabilities(rapid.Byte().Draw(t, "capabilities")),
			IssuedAt:         times.Draw(t, "issued"),
			ExpiresAt:        times.Draw(t, "expires"),
			SessionExpiresAt: times.Draw(t, "session expires"),
		}
		copy(tok.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		sealed, err := sealer.Seal(tok)
		if err != nil {
			t.Fatalf("Seal(%+v): %v", tok, err)
		}
		got, err := sealer.Open(sealed, tok.ExpiresAt.Add(-1))
		if err != nil {
			t.Fatalf("Open of what Seal made of %+v: %v", tok, err)
		}
		if diff := cmp.Diff(tok, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("opened token differs (-sealed +opened):\n%s", diff)
		}
	})
}

func TestTimesAreCutToTheMicrosecondInUTC(t *testing.T) {
	sealer, _ := newSealer(t)
	tok := sample()
	tok.IssuedAt = issued.Add(999).In(time.FixedZone("east", 3600))
	got, err := sealer.Open(mustSeal(t, sealer, tok), issued)
	if err != nil || got.IssuedAt != issued {
		t.Errorf("IssuedAt %v was opened as %v (error %v), want %v",
			tok.IssuedAt, got.IssuedAt, err, issued)
	}
}

func TestTokenOpensUntilItExpires(t *testing.T) {
	sealer, _ := newSealer(t)
	tok := sample()
	sealed := mustSeal(t, sealer, tok)
	if _, err := sealer.Open(sealed, tok.ExpiresAt.Add(-time.Nanosecond)); err != nil {
		t.Errorf("1 ns before its expiry the token is refused: %v", err)
	}
	for _, late := range []time.Duration{0, time.Nanosecond, 48 * time.Hour} {
		got, err := sealer.Open(sealed, tok.ExpiresAt.Add(late))
		wantRefused(t, fmt.Sprint(late, " after its expiry"), got, err)
	}
}

func TestSealingTwiceGivesTwoTexts(t *testing.T) {
	sealer, _ := newSealer(t)
	tok := sample()
	if a, b := mustSeal(t, sealer, tok), mustSeal(t, sealer, tok); a == b {
		t.Errorf("the same token sealed twice is %q both times", a)
	}
}

// TestAlteredTokenIsRefused tries, at every position, each character that a
// token can hold, so that the unused bits of the last one are covered too.
func TestAlteredTokenIsRefused(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	sealer, _ := newSealer(t)
	tok := sample()
	// One user id after another makes the sealed length leave each remainder by 4
	// that base64 text can have.
	for _, user := range []string{"a", "ab", "abc"} {
		tok.UserID = user
		sealed := mustSeal(t, sealer, tok)
		for i := range len(sealed) {
			for _, c := range []byte(alphabet) {
				if c == sealed[i] {
					continue
				}
				altered := sealed[:i] + string(c) + sealed[i+1:]
				if got, err := sealer.Open(altered, issued); err == nil {
					t.Fatalf("character %d of %d changed from %c to %c opens as %+v",
						i, len(sealed), sealed[i], c, got)
				}
			}
		}
	}
}

func TestOtherSpellingsAreRefused(t *testing.T) {
	sealer, keys := newSealer(t)
	sealed := mustSeal(t, sealer, sample())
	tests := []struct{ name, sealed string }{
		{"empty", ""},
		{"first character only", sealed[:1]},
		{"last character missing", sealed[:len(sealed)-1]},
		{"first character missing", sealed[1:]},
		{"one character more", sealed + "A"},
		{"four characters more", sealed + "AAAA"},
		{"twice", sealed + sealed},
		{"padded", sealed + "="},
		{"line feed inside", sealed[:8] + "\n" + sealed[8:]},
		{"line feed at the end", sealed + "\n"},
		{"carriage returns at the end", sealed + "\r\r\r\r"},
		{"space before", " " + sealed},
		{"comma", sealed + "," + sealed},
		{"NUL inside", sealed[:8] + "\x00" + sealed[9:]},
		{"not UTF-8", sealed[:8] + "\xff" + sealed[9:]},
		{"only the key's prefix", encode(forge(t, keys, nil, "x")[:5])},
		{"one byte short of a tag", encode(forge(t, keys, nil, "x")[:32])},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := sealer.Open(test.sealed, issued)
			wantRefused(t, fmt.Sprintf("%q", test.sealed), got, err)
		})
	}
}

func TestTokenOfOtherKeysIsRefused(t *testing.T) {
	sealer, _ := newSealer(t)
	other, _ := newSealer(t)
	got, err := other.Open(mustSeal(t, sealer, sample()), issued)
	wantRefused(t, "a token of other keys", got, err)
}

func TestTokenOfOtherPurposeIsRefused(t *testing.T) {
	sealer, keys := newSealer(t)
	plain, err := openKeys(t, keys).Decrypt(decode(t, mustSeal(t, sealer, sample())), []byte(purpose))
	if err != nil {
		t.Fatalf("the purpose of tokens has changed: %v", err)
	}
	for _, other := range []string{"", "parley chat token v2", "parley chat token keys v1"} {
		got, err := sealer.Open(encode(forge(t, keys, plain, other)), issued)
		wantRefused(t, fmt.Sprintf("sealed for the purpose %q", other), got, err)
	}
}

// record is the sealed form of a token as a plain map, for tests that change it.
func record() map[any]any {
	return map[any]any{
		1:  make([]byte, 16),
		2:  "eu-west-1",
		3:  "123456789012",
		4:  "room",
		5:  "g1H2I3j4k5L6",
		6:  "ana",
		9:  issued.UnixMicro(),
		10: issued.Add(time.Minute).UnixMicro(),
		11: issued.Add(time.Hour).UnixMicro(),
	}
}

func with(key, value any) map[any]any {
	r := record()
	r[key] = value
	return r
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRecordIsStrict seals well authenticated records of a form that is not
// quite the one Seal makes.
func TestRecordIsStrict(t *testing.T) {
	sealer, keys := newSealer(t)
	open := func(plain []byte) (parley.Token, error) {
		return sealer.Open(encode(forge(t, keys, plain, purpose)), issued)
	}
	good := marshal(t, record())
	if _, err := open(good); err != nil {
		t.Fatalf("the record that the cases below change is itself refused: %v", err)
	}
	tests := []struct {
		name  string
		plain []byte
	}{
		{"nothing", nil},
		{"empty map, which never expires", marshal(t, map[int]any{})},
		{"array", marshal(t, []any{1, 2})},
		{"null", marshal(t, nil)},
		{"byte after the record", append(bytes.Clone(good), 0)},
		{"last byte missing", good[:len(good)-1]},
		{"unknown key", marshal(t, with(12, "x"))},
		{"unknown text key", marshal(t, with("UserID", "x"))},
		{"duplicate key", append(append([]byte{good[0] + 1}, good[1:]...), 0x06, 0x61, 'b')},
		{"duplicate attribute", marshal(t, with(7, cbor.RawMessage("\xa2\x61k\x60\x61k\x60")))},
		{"indefinite length", append(append([]byte{0xbf}, good[1:]...), 0xff)},
		{"tag", append([]byte{0xd9, 0xd9, 0xf7}, good...)},
		{"user id is a number", marshal(t, with(6, 7))},
		{"user id is bytes", marshal(t, with(6, []byte("ana")))},
		{"user id is not UTF-8", marshal(t, with(6, cbor.RawMessage{0x61, 0xff}))},
		{"attribute is a number", marshal(t, with(7, map[string]int{"k": 1}))},
		{"attribute is nested", marshal(t, with(7, map[string]any{"k": map[string]any{"k": "v"}}))},
		{"capabilities over a byte", marshal(t, with(8, 256))},
		{"expiry is a fraction", marshal(t, with(10, 1.5))},
		{"expiry over 64 bits", marshal(t, with(10, uint64(1)<<63))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := open(test.plain)
			wantRefused(t, fmt.Sprintf("record %x", test.plain), got, err)
		})
	}
}

func TestSealedLengthLimit(t *testing.T) {
	sealer, keys := newSealer(t)
	tok := sample()
	// 4096 characters are 3072 bytes, of which prefix, nonce and tag take 33.
	tok.UserID = strings.Repeat("u", 2000)
	size := len(decode(t, mustSeal(t, sealer, tok)))
	tok.UserID += strings.Repeat("u", 3072-size)
	sealed := mustSeal(t, sealer, tok)
	if len(sealed) != 4096 {
		t.Fatalf("the test made a token of %d characters, want 4096", len(sealed))
	}
	if _, err := sealer.Open(sealed, issued); err != nil {
		t.Errorf("a token of 4096 characters is refused: %v", err)
	}

	plain, err := openKeys(t, keys).Decrypt(decode(t, sealed), []byte(purpose))
	if err != nil {
		t.Fatal(err)
	}
	longer := bytes.Replace(plain, []byte("eu-west-1"), []byte("eu-west-10"), 1)
	longer = bytes.Replace(longer, []byte("\x69eu-west"), []byte("\x6aeu-west"), 1)
	got, err := sealer.Open(encode(forge(t, keys, longer, purpose)), issued)
	wantRefused(t, "a genuine token of 4098 characters", got, err)

	tok.UserID += "u"
	const want = "seal token: 4098 characters, at most 4096 are allowed"
	sealed, err = sealer.Seal(tok)
	if err == nil || err.Error() != want {
		t.Errorf("Seal over the limit: %d characters, error %v, want %q", len(sealed), err, want)
	}
	if parley.CodeOf(err) != parley.Internal {
		t.Errorf("Seal of a token over the limit: code %v, want internal", parley.CodeOf(err))
	}
}

// largest returns legal tokens that are as large as the limits allow: one with a
// single attribute, one with as many attributes as fit, since each has a cost of
// its own.
func largest() map[string]parley.Token {
	tok := sample()
	tok.UserID = strings.Repeat("😀", parley.MaxUserIDLen)
	tok.Capabilities = 0xff
	tok.Room.Region = strings.Repeat("r", 40)
	tok.Room.ID = strings.Repeat("i", parley.MaxARNLen-len(tok.Room.String())+len(tok.Room.ID))
	one, many := tok, tok
	one.Attributes = map[string]string{"k": strings.Repeat("v", parley.MaxTokenAttributes-1)}
	many.Attributes = map[string]string{}
	for r, left := rune(0), parley.MaxTokenAttributes; ; r++ {
		many.Attributes[string(r)] = ""
		if left -= utf8.RuneLen(r); left < 2 {
			break
		}
	}
	left := parley.MaxTokenAttributes - parley.AttributesSize(many.Attributes)
	many.Attributes[""] = strings.Repeat("v", left)
	return map[string]parley.Token{"one attribute": one, "many attributes": many}
}

func TestLargestLegalTokenFits(t *testing.T) {
	sealer, _ := newSealer(t)
	for name, tok := range largest() {
		t.Run(name, func(t *testing.T) {
			var check parley.Check
			request := parley.TokenRequest{UserID: tok.UserID, Attributes: tok.Attributes, SessionMinutes: 1}
			request.Check(&check)
			check.ARN("room", tok.Room.String(), parley.KindRoom)
			size := parley.AttributesSize(tok.Attributes)
			if err := check.Err(); err != nil || size != parley.MaxTokenAttributes {
				t.Fatalf("the test's token is not the largest legal one: %d bytes of attributes, %v",
					size, err)
			}
			sealed := mustSeal(t, sealer, tok)
			t.Logf("%d characters with %d attributes", len(sealed), len(tok.Attributes))
			if len(sealed) >= 4096 {
				t.Errorf("the largest legal token has %d characters, want less than 4096", len(sealed))
			}
			got, err := sealer.Open(sealed, issued)
			if err != nil || !maps.Equal(got.Attributes, tok.Attributes) || got.UserID != tok.UserID {
				t.Errorf("the largest legal token opens as %+v, error %v", got, err)
			}
		})
	}
}

func TestSealedTokenIsAnHTTPToken(t *testing.T) {
	sealer, _ := newSealer(t)
	tok := sample()
	for n := range 500 {
		tok.UserID = fmt.Sprint("user", n)
		sealed := mustSeal(t, sealer, tok)
		if i := strings.IndexFunc(sealed, illegal); i >= 0 {
			t.Fatalf("token %q holds %q at %d, want only letters, digits, - and _", sealed, sealed[i], i)
		}
	}
}

func illegal(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_'
}

func BenchmarkSeal(b *testing.B) {
	sealer, _ := newSealer(b)
	tok := sample()
	b.ReportAllocs()
	for b.Loop() {
		mustSeal(b, sealer, tok)
	}
}

func BenchmarkOpen(b *testing.B) {
	sealer, _ := newSealer(b)
	sealed := mustSeal(b, sealer, sample())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sealer.Open(sealed, issued); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenRefused(b *testing.B) {
	sealer, _ := newSealer(b)
	other, _ := newSealer(b)
	sealed := mustSeal(b, other, sample())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sealer.Open(sealed, issued); err == nil {
			b.Fatal("a token of other keys opened")
		}
	}
}
