package engine

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// newTestLog returns the log of a node's server, and where its lines go.
func newTestLog(nodes ...string) (*serverLog, *bytes.Buffer) {
	lines := &bytes.Buffer{}
	plain := slog.NewTextHandler(lines, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})
	cfg := Config{Cluster: &Cluster{Join: nodes}}
	return newServerLog(cfg, slog.New(plain)), lines
}

// TestRepeatedComplaints has the server complain ten times a second about connections
// that fail.
func TestRepeatedComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, lines := newTestLog("10.0.0.1:6222")
		start := time.Now()
		for i := 0; time.Since(start) < time.Minute; i++ {
			l.Errorf("10.0.0.1:%d - rid:%d - authentication error", 40000+i, i)
			time.Sleep(100 * time.Millisecond)
		}
		want := `level=ERROR msg="embedded NATS server: 10.0.0.1:40000 - rid:0 - authentication error"
level=ERROR msg="embedded NATS server: 10.0.0.1:40300 - rid:300 - authentication error" repeats=299
`
		if got := lines.String(); got != want {
			t.Errorf("the log says\n%swant\n%s", got, want)
		}
		if len(l.trouble) != 1 {
			t.Error("nobody is asked to look at the server's health")
		}
	})
}

// TestOtherComplaintsAreNotHidden has lines that look alike.
func TestOtherComplaintsAreNotHidden(t *testing.T) {
	l, lines := newTestLog("127.0.0.1:16222", "127.0.0.1:16223", "[fd00::12]:6222")
	all := []string{
		"10.0.0.1:40000 - rid:1 - authentication error",
		"10.0.0.2:40000 - rid:1 - authentication error",
		"[fd00::12]:40000 - rid:1 - authentication error",
		"[fd00::13]:40000 - rid:1 - authentication error",
		"10.0.0.1:40000 - rid:1 - TLS route handshake error: EOF",
		"127.0.0.1:16222 - rid:1 - Slow Consumer Detected",
		"127.0.0.1:16223 - rid:1 - Slow Consumer Detected",
		"stream 'redeemed-1' has NO quorum",
		"stream 'redeemed-2' has NO quorum",
	}
	for range 2 {
		for _, line := range all {
			l.Warnf("%s", line)
		}
	}
	for _, line := range all {
		if n := strings.Count(lines.String(), line); n != 1 {
			t.Errorf("the log has %q %d times, want once", line, n)
		}
	}
}

// TestComplaintsThatAreTooMany has more than are remembered, and makes room with time.
func TestComplaintsThatAreTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, lines := newTestLog()
		logged := func(name string) bool {
			lines.Reset()
			l.Errorf("complaint %s", name)
			return lines.Len() > 0
		}
		for i := range maxComplaints {
			if name := fmt.Sprint(i); !logged(name) || logged(name) {
				t.Fatalf("complaint %s is not logged once", name)
			}
		}
		for range 2 {
			if !logged("more") || len(l.complaints) != maxComplaints {
				t.Errorf("with %d complaints remembered, want %d, one more is not logged each time",
					len(l.complaints), maxComplaints)
			}
		}
		time.Sleep(repeatEvery)
		if !logged("more") || logged("more") || len(l.complaints) != 1 {
			t.Errorf("after a while %d complaints are remembered, want the new one", len(l.complaints))
		}
	})
}
