package test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley/internal/parleytest"
)

// churn has sessions join a room and leave it at random while messages are sent.
type churn struct {
	client  *parleytest.Client
	room    string
	length  time.Duration
	coming  int           // sessions that come and go, as many at a time
	staying int           // sessions that must get everything
	stay    time.Duration // the longest time for which the others stay
	every   time.Duration // between two messages

	backend chan struct{} // has room for as many calls as are made at a time
	joins   atomic.Int64
}

// keptAlive is how many connections of the control plane's clients may be left open,
// each with a goroutine of the server and a file on either side.
const keptAlive = 120

// TestChurn is the small copy of TestSoak, with the server in this process, so that
// the race detector and the search for goroutines left behind cover it.
func TestChurn(t *testing.T) {
	srv := parleytest.StartOne(t, noQuotas)
	files := openFiles(t, os.Getpid())
	c := &churn{client: srv.Client, room: srv.CreateRoom(t, nil), length: 3 * time.Second,
		coming: 100, staying: 20, stay: time.Second, every: 10 * time.Millisecond}
	c.run(t)
	waitAtMost(t, patience, "the files of the sessions to be closed", func() bool {
		return openFiles(t, os.Getpid()) <= files+2*keptAlive
	})
}

// TestSoak has 10,000 sessions come and go for the time that PARLEY_SOAK says, such as
// 2m, after a quarter of that time which warms the server up. It takes five minutes more.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("PARLEY_SOAK"))
	if err != nil {
		t.Skip("set PARLEY_SOAK to a time, such as 2m, to run this: see make soak")
	}
	p := serve(t, "--dev")
	c := &churn{client: parleytest.Anonymous(t, p.url).As("test", "test"), length: length,
		coming: 9_800, staying: 200, stay: 20 * time.Second, every: 20 * time.Millisecond}
	c.room = c.client.CreateRoom(t, nil)
	fresh := c.holdings(t, p)
	whole := c.length
	c.length = whole / 4
	c.run(t)
	warm := c.settle(t, p, fresh, soakWarmth)
	c.length = whole
	c.run(t)
	c.settle(t, p, warm, soakGrowth)
	p.stop()
}

const (
	// soakWarmth is how much more of its heap a server uses that has had sessions than a
	// fresh one: what it keeps for its next ones, and the caches of its bus.
	soakWarmth = 8 << 20
	// soakGrowth is how much more it may use after many more sessions. It is less than 50
	// bytes for each of those that come and go in two minutes.
	soakGrowth = 2 << 20
	// soakMemory is how long a server remembers used tokens, and a bit.
	soakMemory = 150 * time.Second
)

// holdings returns what the server of the churn holds on to.
func (c *churn) holdings(t *testing.T, p *process) holdings {
	t.Helper()
	return node{p, c.client}.holdings()
}

// settle waits until the server has forgotten its sessions and their tokens, and returns
// what it still holds on to, which must be little more than before.
func (c *churn) settle(t *testing.T, p *process, before holdings, growth int) (now holdings) {
	t.Helper()
	t.Logf("%d sessions have joined so far; %d MB resident", c.joins.Load(), p.residentBytes()>>20)
	for begin := time.Now(); time.Since(begin) < soakMemory; {
		<-time.After(10 * time.Second)
		now = c.holdings(t, p)
		t.Logf("after %s: %+v", time.Since(begin).Round(time.Second), now)
	}
	if now.heap > before.heap+growth || now.goroutines > before.goroutines+keptAlive ||
		now.files > before.files+keptAlive {
		t.Errorf("the server held %+v before the sessions and %+v afterwards, want at most %d bytes of"+
			" heap, %d goroutines and %d files more", before, now, growth, keptAlive, keptAlive)
	}
	return now
}

// run returns when all sessions have left. Those that stayed must have got every
// message once, and in the order in which they were sent.
func (c *churn) run(t *testing.T) {
	stop := make(chan struct{})
	c.backend = make(chan struct{}, 50)
	var coming, staying sync.WaitGroup
	var sent atomic.Int64 // set before stop is closed
	for range c.staying {
		u := c.client.Join(t, c.room, "stays")
		staying.Go(func() { c.readAll(t, u, stop, &sent) })
	}
	for i := range c.coming {
		coming.Go(func() { c.comeAndGo(t, i, stop) })
	}
	sender := c.client.Join(t, c.room, "sends", "SEND_MESSAGE")
	tick := time.NewTicker(c.every)
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < c.length; <-tick.C {
		sender.Say(t, strconv.FormatInt(sent.Load(), 10))
		sent.Add(1)
	}
	close(stop)
	sender.Say(t, "end")
	staying.Wait()
	coming.Wait()
	_ = sender.Conn.Close()
}

// readAll reads messages up to the last one.
func (c *churn) readAll(t *testing.T, u *parleytest.User, stop <-chan struct{}, sent *atomic.Int64) {
	defer u.Conn.Close()
	for next := int64(0); ; next++ {
		frame, err := u.Read()
		if err != nil {
			t.Errorf("a session that stays: %v after %d messages", err, next)
			return
		}
		if frame.Content == "end" {
			<-stop
			if next != sent.Load() {
				t.Errorf("a session that stays got %d messages, want %d", next, sent.Load())
			}
			return
		}
		if frame.Content != strconv.FormatInt(next, 10) {
			t.Errorf("a session that stays got message %q, want %d", frame.Content, next)
			return
		}
	}
}

// comeAndGo joins and leaves, again and again. What it gets must be in order.
func (c *churn) comeAndGo(t *testing.T, i int, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		c.backend <- struct{}{}
		answer, err := c.client.TryCall("CreateChatToken", map[string]any{
			"roomIdentifier": c.room, "userId": fmt.Sprint("comes-", i)})
		<-c.backend
		if err != nil || answer.Status != 200 {
			t.Errorf("CreateChatToken: %+v %v", answer, err)
			return
		}
		u, err := c.client.Dial(t, answer.Body["token"].(string))
		if err != nil {
			t.Errorf("join: %v", err)
			return
		}
		c.joins.Add(1)
		if err := c.readSome(u); err != nil {
			t.Errorf("a session that comes and goes: %v", err)
		}
		leave(u)
	}
}

// content finds a message's content, which is a number or "end".
var content = regexp.MustCompile(`"Content":"(\w+)"`)

func (c *churn) readSome(u *parleytest.User) error {
	until := time.Now().Add(rand.N(c.stay))
	for last := -1; ; {
		_ = u.Conn.SetReadDeadline(until)
		data, err := wsutil.ReadServerText(u.Stream)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		found := content.FindSubmatch(data)
		if found == nil {
			return fmt.Errorf("received %s", data)
		}
		if bytes.Equal(found[1], []byte("end")) {
			return nil
		}
		n, _ := strconv.Atoi(string(found[1]))
		if last >= 0 && n != last+1 {
			return fmt.Errorf("message %d came after message %d", n, last)
		}
		last = n
	}
}

// leave ends a session in one of the ways in which clients do.
func leave(u *parleytest.User) {
	switch rand.IntN(3) {
	case 0:
		_ = ws.WriteFrame(u.Conn, ws.MaskFrame(ws.NewCloseFrame(nil)))
	case 1:
		_ = u.Conn.(*net.TCPConn).SetLinger(0) // a reset
	}
	_ = u.Conn.Close()
}

// openFiles returns how many files a process has open.
func openFiles(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// goroutines returns how many the process has.
func (p *process) goroutines() int {
	p.t.Helper()
	_, page := p.get("/debug/pprof/goroutine?debug=1")
	var n int
	if _, err := fmt.Sscanf(page, "goroutine profile: total %d", &n); err != nil {
		p.t.Fatalf("%v in %.100q", err, page)
	}
	return n
}

// heapBytes returns what is in use of the process's heap, without garbage.
func (p *process) heapBytes() int {
	p.t.Helper()
	_, page := p.get("/debug/pprof/heap?gc=1&debug=1")
	_, rest, found := strings.Cut(page, "# HeapAlloc = ")
	var n int
	if _, err := fmt.Sscan(rest, &n); err != nil || !found {
		p.t.Fatalf("%v in %.100q", err, rest)
	}
	return n
}
