package test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley/internal/parleytest"
)

// What hostile clients may cost.
const (
	// attackers is how many connections make each of the quick attacks at once.
	attackers = 8
	// halfOpen is how many connections are opened that never become a request.
	halfOpen = 3000
	// slowAttackBound is how long an attack may last that dribbles. The server waits
	// 10 seconds for headers, and as long for a body; the rest is for a busy machine.
	slowAttackBound = 40 * time.Second
	// quickAttackBound is how long the answer to what is sent at once may take: less than
	// the server waits.
	quickAttackBound = 9 * time.Second
	// neighbourBound is how long a call or a message of another client may take. It is
	// generous, too: who had to wait for attackers would wait as long as the server does.
	neighbourBound = 8 * time.Second
	// growthBound is how much memory the server may take for all of it together: some
	// 12 KB for each half-open connection, and several times the size of the bodies that
	// it reads at once, until the garbage is collected.
	growthBound = 320 << 20
	// refusalBound is how long the body of a refusal may be, in bytes.
	refusalBound = 64 << 10
	// logBound is how much the server may log about it.
	logBound = 4 << 10
)

// address returns where the process accepts clients.
func (p *process) address() string { return strings.TrimPrefix(p.url, "http://") }

// signedHead returns the start of a request up to the line after the signature, for
// the process in development mode. The signature is over the body, or over none.
func (p *process) signedHead(t *testing.T, method, target, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.url+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(t.Context(),
		aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, r,
		hex.EncodeToString(sum[:]), "ivschat", parleytest.Region, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\n",
		method, target, p.address(), r.Header.Get("X-Amz-Date"), r.Header.Get("Authorization"))
}

// signed returns a whole signed call.
func (p *process) signed(t *testing.T, operation, body string) string {
	t.Helper()
	return p.signedHead(t, http.MethodPost, "/"+operation, body) + sized(body)
}

// sized returns the rest of a request: its length and its body.
func sized(body string) string {
	return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

// chunked returns the rest of a request that does not say its length.
func chunked(body string) string {
	return inChunks + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
}

// handshakeHead returns the start of a good opening request without a token.
func (p *process) handshakeHead() string {
	var head strings.Builder
	head.WriteString("GET / HTTP/1.1\r\nHost: " + p.address() + "\r\n")
	header := upgrade("")
	header.Del("Sec-WebSocket-Protocol")
	_ = header.Write(&head) // a builder takes everything
	return head.String()
}

// attack is a request, and the answer that it must get.
type attack struct {
	name    string
	request string
	status  int
	// errorType is the documented form; without one, HTTP itself refuses and the
	// status is all there is.
	errorType string
}

// make sends the request on several connections at once, and checks the answers.
func (a attack) make(t *testing.T, p *process) {
	t.Helper()
	errs := make([]error, attackers)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = a.try(p) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			t.Errorf("%s: %v", a.name, err) // the others are most likely of the same kind
			return
		}
	}
}

func (a attack) try(p *process) error {
	conn, err := net.Dial("tcp", p.address())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(quickAttackBound)); err != nil {
		return err
	}
	// The server may answer and stop reading before it has everything.
	go func() { _, _ = io.WriteString(conn, a.request) }()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		// Without a form, the answer can be lost when the server ends the connection.
		if a.errorType != "" || a.status < 300 || isTimeout(err) {
			return fmt.Errorf("no answer: %w, want %d %s", err, a.status, a.errorType)
		}
		return nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil && a.errorType != "" {
		return fmt.Errorf("body of the answer: %w", err)
	}
	return a.check(res, body)
}

func (a attack) check(res *http.Response, body []byte) error {
	got := res.Header.Get("x-amzn-ErrorType")
	if res.StatusCode != a.status || got != a.errorType {
		return fmt.Errorf("answered %s %s %.200q, want %d %s",
			res.Status, got, body, a.status, a.errorType)
	}
	if a.errorType == "" {
		return nil
	}
	var members struct{ Message string }
	if err := json.Unmarshal(body, &members); err != nil || members.Message == "" {
		return fmt.Errorf("body %.200q, want JSON with a message", body)
	}
	if len(body) > refusalBound {
		return fmt.Errorf("the refusal has %d bytes, want at most %d", len(body), refusalBound)
	}
	if res.Header.Get("x-amzn-RequestId") == "" ||
		res.Header.Get("Content-Type") != "application/json" {
		return fmt.Errorf("headers %v, want a request id and JSON", res.Header)
	}
	return nil
}

func isTimeout(err error) bool {
	timeout := net.Error(nil)
	return errors.As(err, &timeout) && timeout.Timeout()
}

// inChunks is the end of a head whose body does not say its length.
const inChunks = "Transfer-Encoding: chunked\r\n\r\n"

// Types of refusals.
const (
	noToken     = "MissingAuthenticationTokenException"
	invalid     = "ValidationException"
	tooLarge    = "RequestEntityTooLargeException"
	unknown     = "UnknownOperationException"
	incomplete  = "IncompleteSignatureException"
	notTheirs   = "InvalidSignatureException"
	notUpgraded = "BadRequestException"
	noChatToken = "UnauthorizedException"
	tooSlow     = "RequestTimeoutException"
)

// bodyAttacks send bodies that are too much or no JSON.
func bodyAttacks(t *testing.T, p *process) []attack {
	const levels = 100_000
	repeat := strings.Repeat
	pad := repeat("x", 2<<20)
	head := "POST /CreateRoom HTTP/1.1\r\nHost: a\r\n"
	signed := p.signedHead(t, "POST", "/CreateRoom", pad)
	call := func(body string) string { return p.signed(t, "CreateRoom", body) }
	nested := repeat("[", levels) + repeat("]", levels)
	return []attack{
		{"2 MiB", signed + sized(pad), 413, tooLarge},
		{"2 MiB in a chunk", signed + chunked(pad), 413, tooLarge},
		{"2 MiB in small chunks", signed + inChunks + repeat("1\r\nx\r\n", 2<<20), 413, tooLarge},
		{"2 MiB after asking", signed + "Expect: 100-continue\r\n" + sized(pad), 413, tooLarge},
		{"2 MiB without a length", p.signedHead(t, "POST", "/ListRooms", "") + "\r\n" + pad, 200, ""},
		{"2 MiB, unsigned", head + sized(pad), 403, noToken},
		{"2 MiB in a chunk, unsigned", head + chunked(pad), 403, noToken},
		{"2 MiB for no operation", "POST /Nothing HTTP/1.1\r\nHost: a\r\n" + sized(pad), 404, unknown},
		{"length of 63 bits", signed + "Content-Length: 9223372036854775807\r\n\r\n{", 413, tooLarge},
		{"length of 67 bits", signed + "Content-Length: 99999999999999999999\r\n\r\n{", 400, ""},
		{"negative length", signed + "Content-Length: -1\r\n\r\n{", 400, ""},
		{"two lengths", signed + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, ""},
		{"unknown framing", signed + "Transfer-Encoding: gzip\r\n\r\n{}", 501, ""},
		{"giant chunk", signed + inChunks + "ffffffffffffffffff\r\n{", 400, invalid},
		{"no chunk", signed + inChunks + "nonsense\r\n{", 400, invalid},
		{"deep object", call(repeat(`{"a":`, levels) + "1" + repeat("}", levels)),
			400, invalid},
		{"deep array", call(nested), 400, invalid},
		{"deep member", call(`{"tags":` + nested + "}"), 400, invalid},
		{"endless object", call(repeat(`{"a":`, levels)), 400, invalid},
		{"broken UTF-8", call("{\"name\":\"\xff\xfe\"}"), 400, invalid},
		{"half a character", call("{\"name\":\"\xe2\x82\"}"), 400, invalid},
		{"half a surrogate pair", call(`{"name":"\ud800"}`), 400, invalid},
		{"members of one name", call("{" + repeat(`"name":"!",`, levels/2) + `"a":1}`), 400, invalid},
	}
}

// listAttacks send lists and maps with far more entries than any may have, each of
// which is wrong for itself.
func listAttacks(t *testing.T, p *process) []attack {
	const entries = 100_000
	var tags strings.Builder
	for i := range entries / 2 {
		fmt.Fprintf(&tags, `"!%d":"?",`, i)
	}
	bad := "[" + strings.Repeat(`"a",`, entries) + `"a"]`
	numbers := "[" + strings.Repeat("1,", entries) + "1]"
	call := func(operation, body string) string { return p.signed(t, operation, body) }
	return []attack{
		{"tags", call("CreateRoom", `{"tags":{`+tags.String()+`"a":"b"}}`), 400, invalid},
		{"identifiers", call("CreateRoom", `{"loggingConfigurationIdentifiers":`+bad+"}"), 400, invalid},
		{"identifiers that are numbers",
			call("CreateRoom", `{"loggingConfigurationIdentifiers":`+numbers+"}"), 400, invalid},
		{"capabilities", call("CreateChatToken", `{"capabilities":`+bad+"}"), 400, invalid},
		{"attributes", call("CreateChatToken", `{"attributes":{`+tags.String()+`"a":"b"}}`),
			400, invalid},
		{"attributes of an event", call("SendEvent", `{"attributes":{`+tags.String()+`"a":"b"}}`),
			400, invalid},
	}
}

// numberAttacks send numbers that fit nowhere.
func numberAttacks(t *testing.T, p *process) []attack {
	var attacks []attack
	for _, number := range []string{
		"1e400", "-1e400", "1e-400", "0.5", "500.0", "99999999999999999999", "-9223372036854775809",
		strings.Repeat("9", 100_000), "1e" + strings.Repeat("9", 100_000),
		"0." + strings.Repeat("0", 100_000) + "1",
	} {
		attacks = append(attacks,
			attack{fmt.Sprintf("number %.20s", number),
				p.signed(t, "CreateRoom", `{"maximumMessageLength":`+number+`}`), 400, invalid},
			attack{fmt.Sprintf("page of %.20s", number),
				p.signed(t, "ListRooms", `{"maxResults":`+number+`}`), 400, invalid})
	}
	presigned := "GET /tags/a?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test/a/b/c/d" +
		"&X-Amz-Signature=a&X-Amz-SignedHeaders=host&X-Amz-Date=%s&X-Amz-Expires=%s HTTP/1.1\r\n" +
		"Host: a\r\n\r\n"
	now := time.Now().UTC().Format("20060102T150405Z")
	return append(attacks,
		attack{"user of 100,000 digits", p.signed(t, "CreateChatToken",
			`{"roomIdentifier":"a","userId":`+strings.Repeat("1", 100_000)+`}`), 400, invalid},
		attack{"presigned for ever",
			fmt.Sprintf(presigned, now, "99999999999999999999"), 403, incomplete},
		attack{"presigned in the year 99999",
			fmt.Sprintf(presigned, "999990101T000000Z", "1"), 403, incomplete})
}

// headAttacks send request lines, headers and hosts that are too much or wrong.
func headAttacks(t *testing.T, p *process) []attack {
	many := func(format string) string {
		var lines strings.Builder
		for i := range 10_000 {
			fmt.Fprintf(&lines, format, i)
		}
		return lines.String()
	}
	const head, host = "POST /ListRooms HTTP/1.1\r\n", "Host: a\r\n"
	repeat := strings.Repeat
	signed := p.signed(t, "ListRooms", "{}")
	altered := func(before, after string) string { return strings.Replace(signed, before, after, 1) }
	post := func(path string) string { return "POST /" + path + " HTTP/1.1\r\nHost: a\r\n\r\n" }
	keys := "/tags/" + encodeComponent("arn:aws:ivschat:us-east-1:000000000000:room/abcdefABCDEF") +
		"?" + repeat("tagKeys=a&", 5000)
	names := repeat("a;b;c;d;", 7000)
	return []attack{
		{"10,000 headers", head + host + many("header-%d: value\r\n") + sized("{}"), 431, ""},
		{"10,000 short headers", head + host + repeat("a:\r\n", 10_000) + sized("{}"), 403, noToken},
		{"header of 1 MiB", head + "Host: a\r\nA: " + repeat("a", 1<<20) + "\r\n\r\n", 431, ""},
		{"header name of 1 MiB", head + host + repeat("a", 1<<20) + ": a\r\n\r\n", 431, ""},
		{"28,000 signed headers", altered("SignedHeaders=", "SignedHeaders="+names), 403, notTheirs},
		{"5,000 signatures", altered("Signature=",
			repeat("Signature=a,", 5000)+"Signature="), 403, incomplete},
		{"request line of 1 MiB", post(repeat("a", 1<<20)), 431, ""},
		{"request line of 60 KiB", post(repeat("a", 60<<10)), 404, unknown},
		{"method of 60 KiB", repeat("A", 60<<10) + " / HTTP/1.1\r\nHost: a\r\n\r\n", 426, notUpgraded},
		{"5,000 tag keys", p.signedHead(t, "DELETE", keys, "") + "\r\n", 400, invalid},
		{"broken UTF-8 in a path", p.signedHead(t, "GET", "/tags/%ff%fe", "") + "\r\n", 400, invalid},
		{"broken bytes in a path", post("Create\xffRoom"), 404, unknown},
		{"broken percent in a path", post("%zz"), 400, ""},
		{"no host", head + sized("{}"), 400, ""},
		{"two hosts", head + "Host: a\r\nHost: b\r\n" + sized("{}"), 400, ""},
		{"broken host", head + "Host: a b\r\n" + sized("{}"), 400, ""},
		{"host that was not signed", altered(p.address(), "elsewhere.example"), 403, notTheirs},
		{"port that was not signed", altered(p.address(), "127.0.0.1:1"), 403, notTheirs},
		{"empty host", altered(p.address(), ""), 403, notTheirs},
		{"host of 60 KiB", head + "Host: " + repeat("a", 60<<10) + "\r\n" + sized("{}"), 403, noToken},
		{"date that is none", altered("X-Amz-Date: ", "X-Amz-Date: 9"), 403, incomplete},
	}
}

// protocolAttacks speak other versions of HTTP, other protocols, or none.
func protocolAttacks(t *testing.T, p *process) []attack {
	random := make([]byte, 8<<10)
	for i := range random {
		random[i] = byte(rand.UintN(256))
	}
	random[len(random)-1] = '\n'
	signed := p.signed(t, "ListRooms", "{}")
	return []attack{
		{"HTTP/1.0", strings.Replace(signed, "HTTP/1.1", "HTTP/1.0", 1), 200, ""},
		{"HTTP/1.0, unsigned", "POST /ListRooms HTTP/1.0\r\n\r\n", 403, noToken},
		{"HTTP/1.9", strings.Replace(signed, "HTTP/1.1", "HTTP/1.9", 1), 200, ""},
		{"HTTP/2.0 without an upgrade", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, ""},
		{"HTTP/9.9", "GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505, ""},
		{"no version", "GET /\r\n\r\n", 400, ""},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + string(random), 400, ""},
		{"SSH", "SSH-2.0-OpenSSH_9.9\r\n", 400, ""},
		{"random bytes", string(random), 400, ""},
		{"zeros", strings.Repeat("\x00", 8<<10) + "\n", 400, ""},
		{"blank lines", strings.Repeat("\r\n", 8<<10), 400, ""},
		{"header without a colon", "POST /ListRooms HTTP/1.1\r\nHost a\r\n\r\n", 400, ""},
		{"zero in a header", "POST /ListRooms HTTP/1.1\r\nHost: a\r\nA: \x00\r\n\r\n", 400, ""},
	}
}

// handshakeAttacks open sessions with headers that are too much or wrong.
func handshakeAttacks(p *process) []attack {
	head := p.handshakeHead()
	offer := func(token string) string {
		return head + "Sec-WebSocket-Protocol: " + token + "\r\n\r\n"
	}
	repeat := strings.Repeat
	return []attack{
		{"token of 60 KiB", offer(repeat("a", 60<<10)), 401, noChatToken},
		{"token of 1 MiB", offer(repeat("a", 1<<20)), 431, ""},
		{"10,000 tokens", offer(repeat("a, ", 10_000) + "a"), 401, noChatToken},
		{"2,000 token headers", head + repeat("Sec-WebSocket-Protocol: a\r\n", 2000) + "\r\n",
			401, noChatToken},
		{"token of broken bytes", offer("\xff\xfe"), 401, noChatToken},
		{"key of 60 KiB", strings.Replace(offer("a"), "Sec-Websocket-Key: ",
			"Sec-Websocket-Key: "+repeat("A", 60<<10), 1), 426, notUpgraded},
		{"60 KiB of upgrades", head + "Upgrade: " + repeat("a,", 30<<10) + "\r\n\r\n",
			401, noChatToken},
		{"handshake of HTTP/1.0", strings.Replace(offer("a"), "HTTP/1.1", "HTTP/1.0", 1),
			426, notUpgraded},
		{"handshake with a body of 2 MiB", head + "Sec-WebSocket-Protocol: a\r\n" +
			sized(repeat("x", 2<<20)), 401, noChatToken},
	}
}

// dribble sends the start of a request, and then a byte now and then until the
// server has had enough, which has to close the connection then. It returns the status of
// the answer, which is 0 when the server ends the connection without one.
func (p *process) dribble(start, drop string) (status int, errorType string, err error) {
	conn, err := net.Dial("tcp", p.address())
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(slowAttackBound)); err != nil {
		return 0, "", err
	}
	in := bufio.NewReader(conn)
	answered := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for _, err := io.WriteString(conn, start); err == nil; _, err = io.WriteString(conn, drop) {
			select {
			case <-tick.C:
			case <-answered:
				return
			}
		}
	})
	res, err := http.ReadResponse(in, nil)
	close(answered)
	writer.Wait()
	if isTimeout(err) {
		return 0, "", fmt.Errorf("neither answered nor closed after %s", slowAttackBound)
	}
	if err != nil {
		return 0, "", nil
	}
	defer res.Body.Close()
	// What was announced never comes.
	if _, err := io.Copy(io.Discard, in); isTimeout(err) {
		return 0, "", fmt.Errorf("answered %d and not closed after %s", res.StatusCode, slowAttackBound)
	}
	return res.StatusCode, res.Header.Get("x-amzn-ErrorType"), nil
}

// slowAttack is the start of a request that goes on in drops.
type slowAttack struct {
	name, start, drop string
	status            int // 0: the connection ends without an answer
	errorType         string
}

func slowAttacks(t *testing.T, p *process) []slowAttack {
	const head = "POST /CreateRoom HTTP/1.1\r\nHost: a\r\n"
	signed := p.signedHead(t, "POST", "/CreateRoom", "{}")
	shaken := p.handshakeHead() + "Sec-WebSocket-Protocol: a\r\n"
	return []slowAttack{
		{"silence", "", "", 0, ""},
		{"request line", "POST /", "a", 400, ""},
		{"header", head + "A: ", "a", 0, ""},
		{"headers", head, "A: a\r\n", 0, ""},
		{"blank lines", "\r\n", "\r\n", 400, ""},
		{"body", signed + "Content-Length: 100000\r\n\r\n", "a", 408, tooSlow},
		{"chunks", signed + inChunks, "1\r\na\r\n", 408, tooSlow},
		{"chunk size", signed + inChunks, "0", 408, tooSlow},
		{"unsigned body", head + "Content-Length: 100000\r\n\r\n", "a", 403, noToken},
		{"unsigned chunks", head + inChunks, "1\r\na\r\n", 403, noToken},
		{"handshake header", shaken, "A: a\r\n", 0, ""},
		{"handshake with a body", shaken + "Content-Length: 100000\r\n\r\n", "a", 401, noChatToken},
		{"body for a page", "GET /console/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n", "a", 200, ""},
		{"body of no handshake", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", "a",
			426, notUpgraded},
	}
}

// neighbour is another client, who wants to notice nothing.
type neighbour struct {
	end     func() // stops and waits; may be called twice
	slowest time.Duration
	rounds  int
}

// watch has a neighbour make a call and send a message over and over.
func watch(t *testing.T, p *process) *neighbour {
	t.Helper()
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, nil)
	user := c.Join(t, room, "ana", "SEND_MESSAGE")
	var running sync.WaitGroup
	stop := make(chan struct{})
	n := &neighbour{end: sync.OnceFunc(func() {
		close(stop)
		running.Wait()
	})}
	t.Cleanup(n.end)
	running.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			if err := n.round(c, room, user); err != nil {
				t.Errorf("another client, after %d rounds: %v", n.rounds, err)
				return
			}
		}
	})
	return n
}

func (n *neighbour) round(c *parleytest.Client, room string, user *parleytest.User) error {
	begin := time.Now()
	a, err := c.TryCall("GetRoom", map[string]string{"identifier": room})
	if err != nil || a.Status != http.StatusOK {
		return fmt.Errorf("GetRoom: %+v, %v", a, err)
	}
	n.slowest = max(n.slowest, time.Since(begin))
	begin = time.Now()
	err = wsutil.WriteClientText(user.Conn, []byte(`{"Action":"SEND_MESSAGE","Content":"hi"}`))
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if frame, err := user.Read(); err != nil || frame.Content != "hi" {
		return fmt.Errorf("received %+v, %v", frame, err)
	}
	n.slowest = max(n.slowest, time.Since(begin))
	n.rounds++
	return nil
}

// ask ends the watch and checks that the neighbour noticed nothing.
func (n *neighbour) ask(t *testing.T) {
	t.Helper()
	n.end()
	t.Logf("another client made %d calls and sent as many messages; the slowest took %s",
		n.rounds, n.slowest.Round(time.Millisecond))
	if n.slowest > neighbourBound {
		t.Errorf("another client waited for %s, want under %s", n.slowest, neighbourBound)
	}
}

// openHalf opens connections that send nothing, or half a header.
func openHalf(t *testing.T, p *process) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, halfOpen)
	for i := range conns {
		conn, err := net.Dial("tcp", p.address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		conns[i] = conn
		if i%2 == 0 {
			continue
		}
		if _, err := io.WriteString(conn, "POST /CreateRoom HTTP/1.1\r\nHost: "); err != nil {
			t.Fatal(err)
		}
	}
	return conns
}

// wantEnded checks that the server ends connections in bounded time.
func wantEnded(t *testing.T, conns []net.Conn) {
	t.Helper()
	deadline := time.Now().Add(slowAttackBound)
	for i, conn := range conns {
		if err := conn.SetReadDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		_, err := io.Copy(io.Discard, conn)
		if isTimeout(err) {
			t.Fatalf("half-open connection %d of %d is still open", i+1, len(conns))
		}
	}
}

// TestHostileClients makes every attack on one server, most of them while others
// go on. Each is refused or ends in bounded time, the server's memory stays flat,
// it logs next to nothing, and another client notices nothing.
func TestHostileClients(t *testing.T) {
	// Timeouts are what ends attacks here: the attackers share one address, whose oldest
	// connections would have to make room for the next. TestConnectionsThatAreNoSessions
	// is about that.
	p := serve(t, "--dev", "--http-connections=0", "--http-connections-per-address=0")
	other := watch(t, p)
	before := p.residentBytes()
	var slow sync.WaitGroup
	defer slow.Wait()
	for _, a := range slowAttacks(t, p) {
		slow.Go(func() {
			status, errorType, err := p.dribble(a.start, a.drop)
			if err != nil || status != a.status || errorType != a.errorType {
				t.Errorf("dribbled %s: answered %d %s (%v), want %d %s",
					a.name, status, errorType, err, a.status, a.errorType)
			}
		})
	}
	conns := openHalf(t, p)
	last := p.residentBytes()
	peak, worst, most := last, "half-open connections", last-before
	for _, attacks := range [][]attack{bodyAttacks(t, p), listAttacks(t, p), numberAttacks(t, p),
		headAttacks(t, p), protocolAttacks(t, p), handshakeAttacks(p)} {
		for _, a := range attacks {
			a.make(t, p)
			now := p.residentBytes()
			if now-last > most {
				worst, most = a.name, now-last
			}
			last, peak = now, max(peak, now)
		}
	}
	slow.Wait()
	wantEnded(t, conns)
	other.ask(t)
	t.Logf("the server had %d MB before, %d MB at the most, %d MB afterwards",
		before>>20, peak>>20, p.residentBytes()>>20)
	if grown := peak - before; grown > growthBound {
		t.Errorf("the server's memory grew by %d MB, want under %d MB; %d MB came with: %s",
			grown>>20, growthBound>>20, most>>20, worst)
	}
	p.stop()
	if text := p.log(); len(text) > logBound {
		t.Errorf("the server logged %d bytes, want under %d:\n%.1000s", len(text), logBound, text)
	}
}
