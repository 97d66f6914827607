package sockets

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxHeadBytes is more than the answer to a handshake has.
const maxHeadBytes = 32 << 10

// HandshakeError is a server's refusal to open a session.
type HandshakeError struct {
	Status  int
	Type    string // such as ThrottlingException; may be empty
	Message string
}

func (e *HandshakeError) Error() string {
	text := fmt.Sprintf("the handshake was refused: %d %s", e.Status,
		cmp.Or(e.Type, http.StatusText(e.Status)))
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// handshake makes the requests of all sessions, and checks the answers. They share
// one key, since nobody is to be fooled.
type handshake struct {
	head   string // of the request, up to the token
	accept string // what the server has to answer
}

func newHandshake(s Server) handshake {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // it does not fail
	key := base64.StdEncoding.EncodeToString(nonce[:])
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, 1.3
	return handshake{
		head: "GET " + s.path + " HTTP/1.1\r\nHost: " + s.host + "\r\n" +
			"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
			"Sec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Protocol: ",
		accept: base64.StdEncoding.EncodeToString(sum[:]),
	}
}

func (h handshake) request(token string) []byte {
	return []byte(h.head + token + "\r\n\r\n")
}

// read reads an answer. It returns what follows it, or that it is not complete
// yet. A refusal is a *HandshakeError.
func (h handshake) read(data []byte, token string) (rest []byte, complete bool, err error) {
	head, rest, complete := bytes.Cut(data, []byte("\r\n\r\n"))
	if !complete {
		if len(data) > maxHeadBytes {
			return nil, false, fmt.Errorf("the answer to the handshake is over %d bytes", maxHeadBytes)
		}
		return data, false, nil
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data)), nil)
	if err != nil {
		return nil, false, fmt.Errorf("the answer to the handshake is no HTTP: %.80q: %w", head, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, false, refusedHandshake(res)
	}
	if res.Header.Get("Sec-WebSocket-Accept") != h.accept {
		return nil, false, errors.New("the answer to the handshake has another Sec-WebSocket-Accept")
	}
	if got := res.Header.Values("Sec-WebSocket-Protocol"); len(got) != 1 || got[0] != token {
		return nil, false, errors.New("the server chose another subprotocol than the token")
	}
	return rest, true, nil
}

// refusedHandshake returns what is known of a refusal. Its body may be cut off.
func refusedHandshake(res *http.Response) error {
	e := &HandshakeError{Status: res.StatusCode}
	e.Type, _, _ = strings.Cut(res.Header.Get("x-amzn-ErrorType"), ":")
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxHeadBytes))
	var text struct{ Message string }
	if json.Unmarshal(body, &text) == nil {
		e.Message = text.Message
	}
	return e
}
