package test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/parleytest"
)

// What readers that stop reading may cost the others.
const (
	stoppedReaders = 5
	// slowFactor and slowGrace bound the 99th percentile of the others' times beside
	// stopped readers: that without them, times the one, plus the other. They are
	// generous, since tests share their machine; a room that waits for a full socket would
	// take the 10 seconds for which one may take nothing.
	slowFactor = 5
	slowGrace  = 2 * time.Second
	// behindBytes is how far a session may be behind.
	behindBytes = 4 << 20
)

// TestStoppedReadersDelayNobody has some sessions of a busy room stop reading. The
// others notice nothing, and when the stopped ones are 4 MiB behind they are dropped,
// and the server is as it was before.
func TestStoppedReadersDelayNobody(t *testing.T) {
	for _, pl := range planes {
		t.Run(pl.name, func(t *testing.T) {
			n := pl.serve(t)
			room := n.CreateRoom(t, nil)
			before := n.holdings()
			others := gather(t, n.Client, room, 50)
			without := others.chat(t, 100, time.Second, always)
			stopped := stop(t, n, room)
			beside := others.chat(t, 100, time.Second, always)
			others.leave(t)
			wantSimilar(t, others.p99(t, without), others.p99(t, beside))
			said := n.overrun(t, room, func() bool { return n.metric(endedSlow) == stoppedReaders })
			if said < behindBytes {
				t.Errorf("the stopped readers were dropped %d bytes behind, want %d", said, behindBytes)
			}
			n.wantReturned(t, before)
			for i, u := range stopped {
				wantDropped(t, fmt.Sprintf("stopped reader %d", i), u)
			}
			n.stop()
		})
	}
}

// stop has sessions join that will not read.
func stop(t *testing.T, n node, room string) []*parleytest.User {
	t.Helper()
	stopped := make([]*parleytest.User, stoppedReaders)
	for i := range stopped {
		stopped[i] = n.Dialing(dialSmall).Join(t, room, fmt.Sprint("stopped-", i))
	}
	return stopped
}

// wantSimilar compares the times that others needed without stopped readers and beside
// them.
func wantSimilar(t *testing.T, without, beside time.Duration) {
	t.Helper()
	t.Logf("99 of 100 deliveries took %s without the stopped readers, and %s beside them",
		without, beside)
	if bound := slowFactor*without + slowGrace; beside > bound {
		t.Errorf("99 of 100 deliveries to the others took %s without the stopped readers and %s"+
			" beside them, want under %s: %d times the former and %s",
			without, beside, bound, slowFactor, slowGrace)
	}
}

// mostOverrun is more than a session may be behind, and what the kernel holds for it.
const mostOverrun = 16 << 20

// overrun has one session speak, and hear itself, until something is so. It returns how
// many bytes it said.
func (n node) overrun(t *testing.T, room string, so func() bool) (said int) {
	t.Helper()
	u := n.Join(t, room, "loud", "SEND_MESSAGE")
	defer u.Conn.Close()
	in := bufio.NewReaderSize(u.Stream, 64<<10)
	request := wide("loud")
	const atOnce = 200
	for ; !so(); said += atOnce * len(request) {
		if said > mostOverrun {
			t.Fatalf("one session said %d bytes, and waits in vain for what is to happen", said)
		}
		for range atOnce {
			u.Send(t, request)
		}
		for range atOnce {
			if _, err := parleytest.ReadFrame(in); err != nil {
				t.Fatalf("the session that speaks: %v", err)
			}
		}
	}
	return said
}

// holdings is what a process holds on to.
type holdings struct{ heap, files, goroutines, unsent int }

func (n node) holdings() holdings {
	n.t.Helper()
	return holdings{n.heapBytes(), openFiles(n.t, n.cmd.Process.Pid), n.goroutines(), n.unsentBytes()}
}

// How much more a process may hold on to when its sessions have gone: garbage that the
// collector spares, pools, and connections of the control plane's clients.
const (
	heapGrace      = 3 << 20
	fileGrace      = 20
	goroutineGrace = 40
)

// wantReturned waits until all sessions have gone and left nothing behind: no memory, no
// files, no goroutines, and nothing in the kernel that waits to be sent to them.
func (n node) wantReturned(t *testing.T, before holdings) {
	t.Helper()
	waitAtMost(t, patience, "all sessions to end", func() bool {
		return n.metric(openSessions) == 0
	})
	var now holdings
	for begin := time.Now(); time.Since(begin) < patience; {
		now = n.holdings()
		if now.heap <= before.heap+heapGrace && now.files <= before.files+fileGrace &&
			now.goroutines <= before.goroutines+goroutineGrace && now.unsent <= before.unsent {
			return
		}
	}
	t.Errorf("the server held %+v before the sessions and %+v afterwards, want at most"+
		" %d bytes of heap, %d files and %d goroutines more, and nothing unsent",
		before, now, heapGrace, fileGrace, goroutineGrace)
}

// unsentBytes returns what the kernel holds for sending to the clients of the process:
// also on connections that the process has closed.
func (n node) unsentBytes() (total int) {
	n.t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		n.t.Fatal(err)
	}
	var port int
	_, address, _ := strings.Cut(n.url, "://")
	if _, err := fmt.Sscanf(address, "127.0.0.1:%d", &port); err != nil {
		n.t.Fatal(err)
	}
	ours := fmt.Sprintf("0100007F:%04X", port)
	for line := range strings.Lines(string(table)) {
		var unsent, received int
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[1] != ours || fields[3] == "0A" { // a listener
			continue
		}
		if _, err := fmt.Sscanf(fields[4], "%x:%x", &unsent, &received); err != nil {
			n.t.Fatalf("%v in %q", err, line)
		}
		total += unsent
	}
	return total
}
