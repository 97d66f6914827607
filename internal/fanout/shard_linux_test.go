package fanout

import (
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestEveryMemberHasItsTurn has members come and go at any moment of a round. Those
// that stay through it must have their turn once.
func TestEveryMemberHasItsTurn(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 0))
		tape := &Tape{}
		sh := &shard{walks: map[*Tape]*walk{}}
		var members []*Session
		add := func() {
			s := tape.Join()
			sh.enter(s)
			members = append(members, s)
		}
		for range 1 + random.IntN(20) {
			add()
		}
		w := members[0].seat.walk
		turns := map[*Session]int{}
		for w.next < len(w.members) {
			switch i := random.IntN(len(members)); random.IntN(4) {
			case 0:
				add()
			case 1:
				if len(members) > 1 {
					sh.exit(members[i])
					members[i] = members[len(members)-1]
					members = members[:len(members)-1]
				}
			default:
				turns[w.members[w.next]]++
				w.next++
			}
		}
		if len(w.members) != len(members) {
			t.Fatalf("seed %d: %d members, want %d", seed, len(w.members), len(members))
		}
		for i, s := range w.members {
			if turns[s] != 1 || int(s.seat.slot) != i {
				t.Fatalf("seed %d: member %d had %d turns and believes to be %d", seed, i, turns[s], s.seat.slot)
			}
		}
	}
}

// TestLag has a shard write to a session while the tape grows, and checks that the
// time it takes is known afterwards, and forgotten when there is nothing to do.
func TestLag(t *testing.T) {
	e, err := NewEngine(1)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	sh, tape := e.shards[0], &Tape{}
	w := &walk{shard: sh, tape: tape, begun: e.now() - instant(time.Second)}
	w.restart(e.now())
	if lag := e.Lag(); lag < time.Second {
		t.Errorf("a round that took over a second leaves a lag of %s", lag)
	}
	w.begun = e.now()
	w.restart(e.now())
	if lag := e.Lag(); lag < time.Second/2 {
		t.Errorf("a quick round after it leaves a lag of %s", lag)
	}
	sh.mu.Lock()
	sh.rouseLocked()
	sh.mu.Unlock()
	for e.Lag() != 0 { // the test times out if it stays
		runtime.Gosched()
	}
}

// TestFilesAreGivenBack checks that sessions and engines leave no file open.
func TestFilesAreGivenBack(t *testing.T) {
	files := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	before := files()
	for range 3 {
		e, err := NewEngine(2)
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			client, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			e.Start((&Tape{}).Join(), server, nil, nobody{}, time.Hour)
			_ = client.Close()
		}
		_ = l.Close()
		e.Close() // waits for the sessions
	}
	if after := files(); after > before {
		t.Errorf("%d files are open, %d were before", after, before)
	}
}

// BenchmarkFanout measures one frame to a thousand sessions, and beside it the least
// that this can cost: a loop of write().
func BenchmarkFanout(b *testing.B) {
	const sessions = 1000
	payload := make([]byte, 300)
	b.Run("write", func(b *testing.B) {
		fds := make([]int, sessions)
		for i := range fds {
			fds[i] = socket(b)
		}
		raw := frame(opText, payload)
		for b.Loop() {
			for _, fd := range fds {
				if _, errno := writeRaw(fd, raw); errno != 0 && errno != unix.EAGAIN {
					b.Fatal(errno)
				}
			}
		}
		b.ReportMetric(float64(b.N*sessions)/b.Elapsed().Seconds(), "deliveries/s")
	})
	b.Run("tape", func(b *testing.B) {
		epoll, err := unix.EpollCreate1(0)
		if err != nil {
			b.Fatal(err)
		}
		defer unix.Close(epoll)
		sh := &shard{engine: &Engine{epoch: time.Now()}, epoll: epoll, walks: map[*Tape]*walk{}}
		tape := &Tape{}
		for range sessions {
			s := tape.Join()
			s.start(sh, nobody{}, 1, time.Hour)
			s.seat.fd = int32(socket(b))
			sh.admit(s, nil)
		}
		w := sh.walks[tape]
		w.queued.Store(true)
		for b.Loop() {
			tape.Append(payload)
			for w.next = 0; w.next < len(w.members); {
				sh.visit(w, visitsPerTurn)
			}
		}
		b.ReportMetric(float64(b.N*sessions)/b.Elapsed().Seconds(), "deliveries/s")
	})
}

// socket returns one end of a connection whose other end throws everything away.
func socket(b *testing.B) int {
	b.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		b.Fatal(err)
	}
	reader := os.NewFile(uintptr(pair[1]), "reader")
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 256<<10)
		for {
			if _, err := reader.Read(buffer); err != nil {
				return
			}
		}
	}()
	b.Cleanup(func() {
		_ = unix.Close(pair[0])
		<-done
		_ = reader.Close()
	})
	return pair[0]
}
