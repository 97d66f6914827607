package load

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/load/sockets"
)

// The content of a message begins with a mark, which tells the messages of this run
// from others, and a stamp.
const (
	markLen  = 8
	stampLen = senderDigits + seqDigits + dueDigits

	// MinContentBytes is the shortest content that a message of a run can have.
	MinContentBytes = markLen + stampLen

	requestIDLen = 36 // that of a UUID, which official clients send
)

// The digits of a stamp, of six bits each.
const (
	senderDigits = 4
	seqDigits    = 5
	dueDigits    = 8
)

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"

// values gives each digit its value.
var values = func() (values [256]uint8) {
	for i, d := range []byte(digits) {
		values[d] = uint8(i)
	}
	return values
}()

// stamp identifies a message, and says when it was to be sent.
type stamp struct {
	sender int   // in the list of the run
	seq    int   // of this sender's messages, from 0
	due    int64 // when it was to be sent, in nanoseconds since the run began
}

// put writes the stamp to the first stampLen bytes of b.
func (s stamp) put(b []byte) {
	putNumber(b[:senderDigits], uint64(s.sender))
	putNumber(b[senderDigits:senderDigits+seqDigits], uint64(s.seq))
	putNumber(b[senderDigits+seqDigits:stampLen], uint64(s.due))
}

func putNumber(b []byte, n uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = digits[n&63]
		n >>= 6
	}
}

// readStamp reads what put wrote. It makes a stamp of any bytes.
func readStamp(b []byte) stamp {
	b = b[:stampLen]
	return stamp{
		sender: int(number(b[:senderDigits])),
		seq:    int(number(b[senderDigits : senderDigits+seqDigits])),
		due:    int64(number(b[senderDigits+seqDigits:])),
	}
}

func number(b []byte) (n uint64) {
	for _, d := range b {
		n = n<<6 | uint64(values[d])
	}
	return n
}

// mark begins the content of every message of one run. It finds the stamp in a
// frame fast, because that is at the same place in all of them, for a server that
// writes the members of a frame in the same order each time.
type mark struct {
	text  string
	place int // of the stamp in the last frame
}

// newMark makes a mark that no other run has.
func newMark() mark { return mark{text: rand.Text()[:markLen]} }

// find returns the stamp of a MESSAGE frame of this run, or false for any other
// frame.
func (m *mark) find(payload []byte) (stamp, bool) {
	place := m.place
	if place < markLen || len(payload) < place+stampLen ||
		string(payload[place-markLen:place]) != m.text {
		at := bytes.Index(payload, []byte(m.text))
		if at < 0 || len(payload) < at+markLen+stampLen {
			return stamp{}, false
		}
		place = at + markLen
		m.place = place
	}
	return readStamp(payload[place:]), true
}

// template is what the messages of a run are made from.
type template struct {
	text      []byte
	requestID int // where the stamp goes in RequestId
	content   int // and in the content
}

// newTemplate returns the SEND_MESSAGE request of a run, with content of so many
// bytes, which are characters too.
func newTemplate(m mark, contentBytes int) template {
	return makeTemplate(m, contentBytes, `{"Action":"SEND_MESSAGE","RequestId":"%s","Content":"%s"}`)
}

// newFrameTemplate returns the MESSAGE frame that Parley makes of that request.
func newFrameTemplate(m mark, contentBytes int) template {
	return makeTemplate(m, contentBytes, `{"Type":"MESSAGE","Id":"`+strings.Repeat("i", parley.IDLen)+
		`","RequestId":"%s","Attributes":null,"Content":"%s",`+
		`"SendTime":"2026-01-02T03:04:05.123456789Z","Sender":{"UserId":"`+userID(0)+
		`","Attributes":null}}`)
}

func makeTemplate(m mark, contentBytes int, format string) template {
	id := strings.Repeat("#", requestIDLen)
	content := m.text + strings.Repeat("0123456789", contentBytes/10+1)[:contentBytes-markLen]
	text := fmt.Appendf(nil, format, id, content)
	return template{
		text:      text,
		requestID: bytes.Index(text, []byte(id)),
		content:   bytes.Index(text, []byte(content)) + markLen,
	}
}

// fill writes a stamp to both of its places and returns the text, which the next
// call changes.
func (t *template) fill(s stamp) []byte {
	s.put(t.text[t.content:])
	copy(t.text[t.requestID:], t.text[t.content:t.content+stampLen])
	return t.text
}

// userID returns the user of a session. All have the same length, so that all
// frames have one.
func userID(session int) string { return fmt.Sprintf("load-%07d", session) }

// refusal is an ERROR frame.
type refusal struct {
	code    int
	message string
	stamp   stamp // of the request that it is about, when known is true
	known   bool
}

// readRefusal reads an ERROR frame. It returns false for other frames.
func readRefusal(payload []byte) (refusal, bool) {
	var f struct {
		Type         string
		RequestID    string `json:"RequestId"`
		ErrorCode    int
		ErrorMessage string
	}
	if json.Unmarshal(payload, &f) != nil || f.Type != "ERROR" {
		return refusal{}, false
	}
	r := refusal{code: f.ErrorCode, message: f.ErrorMessage}
	if r.known = len(f.RequestID) == requestIDLen; r.known {
		r.stamp = readStamp([]byte(f.RequestID))
	}
	return r, true
}

// echoes reports whether a MESSAGE frame carries the RequestId of the message that
// the stamp in it is of.
func (t *template) echoes(payload []byte, s stamp) bool {
	t.fill(s)
	return bytes.Contains(payload, t.text[t.requestID-1:t.requestID+requestIDLen+1]) // with quotes
}

// appendRequest appends a request to buf as a client frame.
func (t *template) appendRequest(buf []byte, s stamp) []byte {
	return sockets.AppendText(buf, t.fill(s))
}
