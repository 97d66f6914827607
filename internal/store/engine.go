package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// probeBytes is how much must fit on the disk for the store to start, or to
	// take writes again: about ten of the largest rooms.
	probeBytes = 1 << 20

	// maxStoreBytes makes the disk the only limit. The server's own default is a
	// share of what was free when it started, and outlives a cleaned-up disk.
	maxStoreBytes = 1 << 60

	// maxHealthChecks is how often the server is asked for its health. The answer
	// begins with a check that has to succeed within a millisecond, which a busy
	// machine misses now and then.
	maxHealthChecks = 100

	startTimeout  = 10 * time.Second
	reconnectWait = 100 * time.Millisecond
)

// engine is a NATS server inside this process, reached through pipes.
type engine struct {
	server *server.Server
	dir    string // empty in memory
	log    *serverLog
}

// startEngine starts a server that keeps its files in dir, or keeps everything in
// memory when dir is empty.
func startEngine(dir string, log *slog.Logger) (_ *engine, err error) {
	e := &engine{dir: dir, log: &serverLog{log: log, trouble: make(chan struct{}, 1)}}
	storeDir := dir
	if dir == "" {
		// JetStream wants a folder even if it never writes to it. Once it runs, it
		// does not notice that the folder is gone.
		if storeDir, err = os.MkdirTemp("", "parley-"); err != nil {
			return nil, fmt.Errorf("make a temporary folder: %w", err)
		}
		defer os.RemoveAll(storeDir)
	} else if err := probe(dir); err != nil {
		return nil, fmt.Errorf("cannot keep files in %s: %w", dir, err)
	}
	if e.server, err = server.NewServer(e.options(storeDir)); err != nil {
		return nil, fmt.Errorf("configure the embedded server: %w", err)
	}
	e.server.SetLoggerV2(e.log, false, false, false)
	e.server.Start()
	if err := e.started(); err != nil {
		e.stop()
		return nil, err
	}
	return e, nil
}

func (e *engine) options(storeDir string) *server.Options {
	return &server.Options{
		DontListen:             true,
		NoSigs:                 true, // signals are the program's own affair
		JetStream:              true,
		StoreDir:               storeDir,
		JetStreamMaxStore:      maxStoreBytes,
		SyncAlways:             true, // what a caller was told is saved survives a power cut
		DisableJetStreamBanner: true,
	}
}

// started returns why the server does not run, or why some of what is in its
// folder could not be read. Serving without would lose it for good.
func (e *engine) started() error {
	if why := e.log.fatal.Load(); why != nil {
		return fmt.Errorf("start the embedded server: %s", *why)
	}
	if !e.server.ReadyForConnections(startTimeout) {
		return fmt.Errorf("the embedded server is not ready after %s", startTimeout)
	}
	if err := e.fault(); err != nil {
		return fmt.Errorf("what is stored in %s is damaged: %w", e.dir, err)
	}
	return nil
}

// storage returns where buckets keep what they hold.
func (e *engine) storage() jetstream.StorageType {
	if e.dir == "" {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

// connect returns a new connection to the server. It comes back by itself after a
// loss; onError is told what goes wrong outside of calls.
func (e *engine) connect(name string, onError nats.ErrHandler) (*nats.Conn, error) {
	return nats.Connect("",
		nats.InProcessServer(e.server),
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ErrorHandler(onError),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // there is none when we close it
				e.log.log.Error("the store lost its engine, and room events with it", "err", err)
			}
		}),
	)
}

// fault returns why the server cannot save, or nil. A stream that fails to write
// once never writes again until it is opened anew, and does not answer either.
func (e *engine) fault() error {
	var problem server.HealthzError
	for range maxHealthChecks {
		problems := e.server.Healthz(&server.HealthzOptions{Details: true}).Errors
		if len(problems) == 0 {
			return nil
		}
		if problem = problems[0]; problem.Type != server.HealthzErrorConn {
			break
		}
	}
	return errors.New(problem.Error)
}

// reopen closes all streams and opens them anew from what is on disk. What is in
// memory only is lost. Connections and their subscriptions stay.
func (e *engine) reopen() error {
	if err := e.server.ShutdownJetStream(); err != nil {
		return err
	}
	return e.server.EnableJetStream(&server.JetStreamConfig{
		StoreDir:   e.dir,
		MaxStore:   maxStoreBytes,
		SyncAlways: true,
		Strict:     true,
	})
}

func (e *engine) stop() {
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

// probe makes dir if it is missing, and returns why files cannot be written to it.
func probe(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = writeProbe(filepath.Join(dir, "probe"))
	}
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err // the folder is in our caller's message
	}
	return err
}

func writeProbe(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, probeBytes))
	err = cmp.Or(err, f.Sync())
	err = cmp.Or(err, f.Close())
	return cmp.Or(err, os.Remove(path))
}

// serverLog hands the server's log lines on, and asks for a look at its health
// whenever one of them is a complaint.
type serverLog struct {
	log     *slog.Logger
	fatal   atomic.Pointer[string] // why it could not start
	trouble chan struct{}          // repairWhenBroken receives; capacity 1: asking again adds nothing
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
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "embedded NATS server: "+fmt.Sprintf(format, v...))
	}
	if level >= slog.LevelWarn {
		l.ask()
	}
}

// ask asks for a look at the server's health.
func (l *serverLog) ask() {
	select {
	case l.trouble <- struct{}{}:
	default: // asked for already
	}
}
