package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// probeBytes is how much must fit on the disk for the engine to start, or to
	// take writes again: about ten of the largest rooms.
	probeBytes = 1 << 20

	// maxStoreBytes makes the disk the only limit. The server's own default is a
	// share of what was free when it started, and outlives a cleaned-up disk.
	maxStoreBytes = 1 << 60

	// maxHealthChecks is how often the server is asked for its health. The answer
	// begins with a check that has to succeed within a millisecond, which a busy
	// machine misses now and then.
	maxHealthChecks = 100

	embeddedTimeout = 10 * time.Second       // for the server to accept connections
	readyLook       = 100 * time.Millisecond // between two looks at whether it gave up
)

// Where the server has the streams of its one account, and what makes it a node of a
// cluster, below its folder.
var (
	streamsDir = filepath.Join("jetstream", "$G", "streams")
	metaDir    = filepath.Join("jetstream", systemAccount, "_js_", "_meta_")
)

// startSingle starts a server that no one else reaches.
func (e *Engine) startSingle() error {
	if holds(e.cfg.Dir, metaDir) {
		return fmt.Errorf("%s holds a node's share of a cluster, which one node alone "+
			"cannot use: start it as a node of its cluster, or with another data folder", e.cfg.Dir)
	}
	if err := e.startServer(embeddedOptions()); err != nil {
		return err
	}
	if err := e.Fault(); err != nil {
		return fmt.Errorf("what is stored in %s is damaged: %w", e.cfg.Dir, err)
	}
	return nil
}

// embeddedOptions are those of a server that does not listen.
func embeddedOptions() *server.Options {
	return &server.Options{
		DontListen:             true,
		NoSigs:                 true, // signals are the program's own affair
		JetStream:              true,
		JetStreamMaxStore:      maxStoreBytes,
		SyncAlways:             true, // what a caller was told is saved survives a power cut
		DisableJetStreamBanner: true,
	}
}

// startServer starts a server that keeps its files in the folder, or everything in
// memory without one.
func (e *Engine) startServer(options *server.Options) (err error) {
	options.StoreDir = e.cfg.Dir
	if e.cfg.Dir == "" {
		// JetStream wants a folder even if it never writes to it. Once it runs, it
		// does not notice that the folder is gone.
		if options.StoreDir, err = os.MkdirTemp("", "parley-"); err != nil {
			return fmt.Errorf("make a temporary folder: %w", err)
		}
		defer os.RemoveAll(options.StoreDir)
	} else if err := e.Probe(); err != nil {
		return fmt.Errorf("cannot keep files in %s: %w", e.cfg.Dir, err)
	}
	if e.server, err = server.NewServer(options); err != nil {
		return fmt.Errorf("configure the embedded server: %w", err)
	}
	e.server.SetLoggerV2(e.lines, false, false, false)
	e.server.Start()
	return e.ready()
}

// ready returns when the server accepts connections, or why it will not.
func (e *Engine) ready() error {
	for deadline := time.Now().Add(embeddedTimeout); ; {
		if why := e.lines.fatal.Load(); why != nil {
			return fmt.Errorf("start the embedded server: %s", *why)
		}
		if e.server.ReadyForConnections(readyLook) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the embedded server is not ready after %s", embeddedTimeout)
		}
	}
}

// Fault returns why the server of this process cannot save, or nil. A stream that
// fails to write once never writes again until it is opened anew, and does not answer
// either.
func (e *Engine) Fault() error {
	if e.server == nil {
		return nil
	}
	if e.cfg.Cluster != nil {
		return e.diskFault()
	}
	return e.unhealthy()
}

// unhealthy returns what is wrong with the server, or nil.
func (e *Engine) unhealthy() error {
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

// Reopen closes all streams and opens them anew from what is on disk. What is in
// memory only is lost. Connections and their subscriptions stay. It is for a server
// without others.
func (e *Engine) Reopen() error {
	if err := e.server.ShutdownJetStream(); err != nil {
		return err
	}
	return e.server.EnableJetStream(&server.JetStreamConfig{
		StoreDir:   e.cfg.Dir,
		MaxStore:   maxStoreBytes,
		SyncAlways: true,
		Strict:     true,
	})
}

// Trouble returns a channel that receives when there is reason to look at Fault.
func (e *Engine) Trouble() <-chan struct{} { return e.lines.trouble }

// Ask asks whoever receives from Trouble for a look at Fault.
func (e *Engine) Ask() { e.lines.ask() }

// holds reports whether a folder has something at a path below it.
func holds(dir, path string) bool {
	if dir == "" {
		return false
	}
	entries, err := os.ReadDir(filepath.Join(dir, path))
	return err == nil && len(entries) > 0
}

// Probe makes the engine's folder if it is missing, and returns why files cannot be
// written to it.
func (e *Engine) Probe() error {
	err := os.MkdirAll(e.cfg.Dir, 0o700)
	if err == nil {
		err = writeProbe(filepath.Join(e.cfg.Dir, "probe"))
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
