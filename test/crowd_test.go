package test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/parley-chat/parley/internal/parleytest"
)

// crowd is the people of a room who chat while something bad goes on beside them. They
// measure how long their messages take, and none of them may miss one.
type crowd struct {
	sender  *parleytest.User
	sent    []atomic.Int64    // when each message was sent, Unix time in nanoseconds
	count   int               // of messages sent
	took    [][]time.Duration // by reader and message; a reader's own until it has ended
	readers sync.WaitGroup
}

// span is a part of a crowd's messages: those from first up to before end.
type span struct{ first, end int }

// crowdMessages is the most that a crowd can say.
const crowdMessages = 10_000

// gather has a number of sessions join a room; the first of them is the one that sends.
func gather(t *testing.T, c *parleytest.Client, room string, n int) *crowd {
	t.Helper()
	cr := &crowd{sent: make([]atomic.Int64, crowdMessages), took: make([][]time.Duration, n)}
	for i := range n {
		u := c.Join(t, room, fmt.Sprint("reader-", i), "SEND_MESSAGE")
		if i == 0 {
			cr.sender = u
		}
		cr.readers.Go(func() {
			if err := cr.read(u, i); err != nil {
				t.Errorf("reader %d of the others, after %d messages: %v", i, len(cr.took[i]), err)
			}
		})
	}
	return cr
}

// read takes messages up to the last one, in their order, and passes over those of
// others. It does little, since there may be thousands a second.
func (cr *crowd) read(u *parleytest.User, i int) error {
	defer u.Conn.Close()
	in := bufio.NewReaderSize(u.Stream, 64<<10)
	for {
		if err := u.Conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			return err
		}
		frame, err := parleytest.ReadFrame(in)
		switch {
		case err != nil:
			return err
		case frame.Header.OpCode == ws.OpClose:
			return fmt.Errorf("received Close %q", frame.Payload)
		case frame.Header.OpCode != ws.OpText:
			continue
		}
		now := time.Now().UnixNano()
		_, content, _ := bytes.Cut(frame.Payload, []byte(`"Content":"`))
		word, _, _ := bytes.Cut(content, []byte(" "))
		if bytes.HasPrefix(content, []byte(`end"`)) {
			return nil
		}
		n, err := strconv.Atoi(string(word))
		switch {
		case err != nil: // of somebody else
		case n != len(cr.took[i]):
			return fmt.Errorf("received message %d, want %d", n, len(cr.took[i]))
		default:
			cr.took[i] = append(cr.took[i], time.Duration(now-cr.sent[n].Load()))
		}
	}
}

// chat sends messages at an even rate until something is so, but for a time at least,
// and returns which they are.
func (cr *crowd) chat(t *testing.T, perSecond int, least time.Duration, so func() bool) span {
	t.Helper()
	first, limit := cr.count, patience
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for begin := time.Now(); time.Since(begin) < least || !so(); <-tick.C {
		if time.Since(begin) > limit || cr.count == crowdMessages {
			t.Errorf("the others have chatted for %s and wait in vain for what is to happen",
				time.Since(begin))
			break
		}
		cr.sent[cr.count].Store(time.Now().UnixNano())
		cr.sender.Send(t, wide(strconv.Itoa(cr.count)))
		cr.count++
	}
	return span{first, cr.count}
}

// leave waits until all have got everything, after which they are gone.
func (cr *crowd) leave(t *testing.T) {
	t.Helper()
	if cr.sender != nil {
		cr.sender.Say(t, "end")
		cr.sender = nil
	}
	cr.readers.Wait()
}

// p99 returns the time within which 99 of 100 deliveries of a part of the messages were
// made. The crowd has left.
func (cr *crowd) p99(t *testing.T, of span) time.Duration {
	t.Helper()
	var all []time.Duration
	for _, took := range cr.took {
		if len(took) < of.end {
			continue // an error was reported
		}
		all = append(all, took[of.first:of.end]...)
	}
	if len(all) == 0 {
		t.Fatalf("nobody got messages %d to %d", of.first, of.end)
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

// always is what a chat waits for that only lasts for its time.
func always() bool { return true }

// wantDropped reads what is left for a session, after which its connection must end
// without a Close frame: after one, official clients stay away.
func wantDropped(t *testing.T, who string, u *parleytest.User) {
	t.Helper()
	if err := u.Conn.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := wsutil.ReadServerText(u.Stream)
		closed, timeout := wsutil.ClosedError{}, net.Error(nil)
		switch {
		case err == nil:
			continue
		case errors.As(err, &closed):
			t.Errorf("%s got Close %d %q, want the end of the connection alone",
				who, closed.Code, closed.Reason)
		case errors.As(err, &timeout) && timeout.Timeout():
			t.Errorf("the connection of %s did not end", who)
		}
		return
	}
}
