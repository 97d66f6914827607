package engine

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// repeatEvery is how often a complaint is logged that the server repeats: it says the
	// same of each attempt to connect, several times a second.
	repeatEvery = 30 * time.Second

	// maxComplaints is how many complaints are remembered. Further ones are logged each
	// time.
	maxComplaints = 256
)

// serverLog hands the server's log lines on, remembers why nodes were refused, and
// asks for a look at the server's health whenever a line is a complaint.
type serverLog struct {
	log     *slog.Logger
	nodes   []string               // their addresses; none without a cluster
	fatal   atomic.Pointer[string] // why it could not start
	refusal atomic.Pointer[string] // why a route did not come about
	trouble chan struct{}          // capacity 1: asking again adds nothing

	mu         sync.Mutex                       // guards complaints
	complaints map[[sha256.Size]byte]*complaint // by the digest of their subject
}

// complaint is what the server says again and again.
type complaint struct {
	logged time.Time // last
	since  int       // how often the server said it after that
}

func newServerLog(cfg Config, log *slog.Logger) *serverLog {
	l := &serverLog{log: log, trouble: make(chan struct{}, 1),
		complaints: map[[sha256.Size]byte]*complaint{}}
	if cfg.Cluster != nil {
		l.nodes = cfg.Cluster.Nodes()
	}
	return l
}

// The methods of server.Logger.
func (l *serverLog) Tracef(format string, v ...any)  { l.add(slog.LevelDebug, format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.add(slog.LevelDebug, format, v) }
func (l *serverLog) Noticef(format string, v ...any) { l.add(slog.LevelDebug, format, v) }
func (l *serverLog) Warnf(format string, v ...any)   { l.add(slog.LevelWarn, format, v) }
func (l *serverLog) Errorf(format string, v ...any)  { l.add(slog.LevelError, format, v) }

// Fatalf is what the server calls when it cannot start; it then gives up.
func (l *serverLog) Fatalf(format string, v ...any) {
	why := fmt.Sprintf(format, v...)
	l.fatal.Store(&why)
}

func (l *serverLog) add(level slog.Level, format string, v []any) {
	line := fmt.Sprintf(format, v...)
	if reason := refusal(line); reason != "" {
		l.refusal.Store(&reason)
	}
	if usual(line) {
		level = slog.LevelDebug
	}
	if level < slog.LevelWarn {
		l.write(level, line)
		return
	}
	l.ask()
	if repeats, due := l.due(line); due {
		l.write(level, line, repeats...)
	}
}

func (l *serverLog) write(level slog.Level, line string, attributes ...any) {
	l.log.Log(context.Background(), level, "embedded NATS server: "+line, attributes...)
}

// due reports whether a complaint is to be logged, and how often it was not since it
// last was, as attributes.
func (l *serverLog) due(line string) (repeats []any, due bool) {
	subject := sha256.Sum256([]byte(l.subject(line)))
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.complaints[subject]
	switch {
	case c == nil:
		l.rememberLocked(subject, now)
		return nil, true
	case now.Sub(c.logged) < repeatEvery:
		c.since++
		return nil, false
	}
	if c.since > 0 {
		repeats = []any{"repeats", c.since}
	}
	*c = complaint{logged: now}
	return repeats, true
}

// rememberLocked remembers a new complaint if there is room, or can be made.
func (l *serverLog) rememberLocked(subject [sha256.Size]byte, now time.Time) {
	if len(l.complaints) == maxComplaints {
		maps.DeleteFunc(l.complaints, func(_ [sha256.Size]byte, c *complaint) bool {
			return now.Sub(c.logged) >= repeatEvery
		})
	}
	if len(l.complaints) < maxComplaints {
		l.complaints[subject] = &complaint{logged: now}
	}
}

// passing is what differs in each line about a connection: its number, and the port
// where it comes from, which has five digits.
var passing = regexp.MustCompile(`\b[a-z]id:\d+|:\d{5}\b`)

// subject returns what a line is about: two that differ in nothing but which connection
// failed are one complaint. Ports of nodes tell which of them it is.
func (l *serverLog) subject(line string) string {
	return passing.ReplaceAllStringFunc(line, func(part string) string {
		for _, node := range l.nodes {
			if strings.HasSuffix(node, part) {
				return part
			}
		}
		return ""
	})
}

// usualLines are parts of complaints that belong to the life of a cluster, or that are
// about passwords which only this process knows.
var usualLines = []string{
	"Plaintext passwords detected",
	"Waiting for routing to be established",
	"JetStream has not established contact with a meta leader",
	"Metalayer blocking snapshot",
	"Error flushing: ",                 // a route that is lost: the reason is in another line
	"Error trying to connect to route", // Await and Status say who is missing
}

func usual(line string) bool {
	return slices.ContainsFunc(usualLines, func(part string) bool {
		return strings.Contains(line, part)
	})
}

// ask asks for a look at the server's health.
func (l *serverLog) ask() {
	select {
	case l.trouble <- struct{}{}:
	default: // asked for already
	}
}
