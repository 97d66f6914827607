package frames

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gobwas/ws"
)

// greek is a word of 11 bytes, in characters of two and three.
const greek = "κ\u1f79σμε"

// texts is section 6: text must be valid UTF-8, and a server that is strict says so
// at the first byte that makes it invalid.
func texts() []exchange {
	beyond := greek + "\xf4\x90\x80\x80edited" // invalid from the byte at 12 on, the 0x90
	whole, header := frame(ws.OpText, beyond), 6
	surrogate := greek + "\xed\xa0\x80edited"
	latin := "Hello-µ@ßöäüàá-UTF-8!!"
	cut := strings.Index(say(latin), "ü") // between two characters
	all := []exchange{
		once("6.1.1", send(frame(ws.OpText, "")), notARequest),
		once("6.1.2", send(part(ws.OpText, ""), part(ws.OpContinuation, ""),
			frame(ws.OpContinuation, "")), notARequest),
		once("6.1.3", send(part(ws.OpText, ""), part(ws.OpContinuation, say("middle")),
			frame(ws.OpContinuation, "")), `message "middle"`),
		once("6.2.1", send(frame(ws.OpText, say(latin))), received(latin)),
		once("6.2.2", send(part(ws.OpText, say(latin)[:cut]),
			frame(ws.OpContinuation, say(latin)[cut:])), received(latin)),
		once("6.2.3", in(1, say(latin)), received(latin)),
		once("6.2.4", in(1, say(greek)), received(greek)),
		once("6.3.1", send(frame(ws.OpText, surrogate)), invalidText),
		once("6.3.2", in(1, surrogate), invalidText),
		early("6.4.1", part(ws.OpText, beyond[:11]), part(ws.OpContinuation, beyond[11:15])),
		early("6.4.2", part(ws.OpText, beyond[:12]), part(ws.OpContinuation, beyond[12:13])),
		early("6.4.3", whole[:header+11], whole[header+11:header+15]),
		early("6.4.4", whole[:header+12], whole[header+12:header+13]),
	}
	for i, group := range sequences {
		for j, s := range group.sequences {
			number := fmt.Sprintf("6.%d.%d", i+5, j+1)
			all = append(all, once(number, send(frame(ws.OpText, s.text)), s.answer))
		}
	}
	return all
}

// early is an invalid text of which the second part has the byte that makes it so. The
// rest is never sent: the server must not wait for it.
func early(number string, valid, invalid []byte) exchange {
	return once(number, send(valid, invalid), invalidText)
}

// received is the answer to a request that says content.
func received(content string) string { return fmt.Sprintf("message %q", content) }

// sequence is a text, and its answer.
type sequence struct{ text, answer string }

// valid returns requests that say the texts.
func valid(texts ...string) (all []sequence) {
	for _, text := range texts {
		all = append(all, sequence{say(text), received(text)})
	}
	return all
}

// invalid returns the texts as they are.
func invalid(texts ...string) (all []sequence) {
	for _, text := range texts {
		all = append(all, sequence{text, invalidText})
	}
	return all
}

// sequences are groups 6.5 to 6.23: the stress test for UTF-8 decoders that Markus Kuhn
// has published, without the sequences that show nothing.
var sequences = []struct {
	name      string
	sequences []sequence
}{
	{"some valid text", valid("hello$world", "hello¢world", "hello€world",
		"hello\U00024b62world", greek)},
	{"beginnings of a text", beginnings(greek)},
	{"first of each length", slices.Concat(
		[]sequence{{"\x00", notARequest}}, // JSON allows it nowhere
		valid("\u0080", "\u0800", "\U00010000"))},
	{"first of five and six bytes", invalid("\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80")},
	{"last of each length", valid("\x7f", "\u07ff", "\uffff", "\U0010ffff")},
	{"last of four to six bytes", invalid("\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf",
		"\xfd\xbf\xbf\xbf\xbf\xbf")},
	{"other limits", slices.Concat(valid("\ud7ff", "\ue000", "\ufffd", "\U0010ffff"),
		invalid("\xf4\x90\x80\x80"))},
	{"continuation bytes alone", invalid("\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80",
		"\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf",
		run(0x80, 0xbf, ""))},
	{"first bytes alone", invalid(run(0xc0, 0xdf, " "), run(0xe0, 0xef, " "),
		run(0xf0, 0xf7, " "), run(0xf8, 0xfb, " "), run(0xfc, 0xfd, " "))},
	{"without the last byte", invalid(unfinished...)},
	{"one after the other without its last byte", invalid(strings.Join(unfinished, ""))},
	{"bytes that are in no text", invalid("\xfe", "\xff", "\xfe\xfe\xff\xff")},
	{"a slash, too long", invalid("\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
		"\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf")},
	{"the last that are too long", invalid("\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
		"\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf")},
	{"zero, too long", invalid("\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80",
		"\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80")},
	{"surrogates", invalid("\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf",
		"\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf")},
	{"pairs of surrogates", invalid("\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf",
		"\xed\xad\xbf\xed\xb0\x80", "\xed\xad\xbf\xed\xbf\xbf", "\xed\xae\x80\xed\xb0\x80",
		"\xed\xae\x80\xed\xbf\xbf", "\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf")},
	{"code points that are no characters", valid(noCharacters()...)},
	{"specials", valid("\ufff9", "\ufffa", "\ufffb", "\ufffc", "\ufffd", "\ufffe", "\uffff")},
}

// unfinished are sequences of two to six bytes without the last, the lowest and the
// highest.
var unfinished = []string{"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80",
	"\xfc\x80\x80\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf",
	"\xfd\xbf\xbf\xbf\xbf"}

// beginnings returns all beginnings of a text. Those that end within a character are
// invalid.
func beginnings(text string) (all []sequence) {
	ends := []int{len(text)} // where a character ends
	for i := range text {
		ends = append(ends, i)
	}
	for n := 1; n <= len(text); n++ {
		if slices.Contains(ends, n) {
			all = append(all, valid(text[:n])...)
		} else {
			all = append(all, invalid(text[:n])...)
		}
	}
	return all
}

// run returns the bytes from first up to the one before end, each with what follows.
func run(first, end byte, follows string) string {
	var text strings.Builder
	for b := first; b < end; b++ {
		text.WriteByte(b)
		text.WriteString(follows)
	}
	return text.String()
}

// noCharacters returns the two last code points of each plane.
func noCharacters() (all []string) {
	for plane := range rune(17) {
		all = append(all, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return all
}
