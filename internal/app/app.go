// Package app builds the whole server from its parts and runs it. It is the only
// place where the parts meet.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/app/keyring"
	"github.com/parley-chat/parley/internal/chatlog"
	"github.com/parley-chat/parley/internal/control"
	"github.com/parley-chat/parley/internal/export"
	"github.com/parley-chat/parley/internal/fanout"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/listen"
	"github.com/parley-chat/parley/internal/messaging"
	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/notice"
	"github.com/parley-chat/parley/internal/otlp"
	"github.com/parley-chat/parley/internal/review"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/trace"
)

// Config is what a server is told.
type Config = config.Config

// App is a running server. Close ends it.
type App struct {
	log     *slog.Logger
	quotas  parley.Quotas
	regions []string
	data    *dataDir
	keys    *identities
	tokens  *keyring.Keyring
	admins  atomic.Pointer[adminToken]
	since   time.Time // of the start

	restoring sync.Mutex // held during a restore
	unanswer  []func()   // ends the answers to other nodes

	audit   *auditFile   // nil when there is none
	certs   certificates // nil without TLS
	metrics *metrics.Metrics
	store   *store.Store
	engine  *fanout.Engine
	review  *review.Reviewer
	logs    *chatlog.Logger

	tracer   *trace.Tracer  // nil when nothing is traced
	traces   *otlp.Exporter // the same
	notices  notice.Sink    // nil when nobody is told
	exporter *export.Exporter
	hub      *hub.Hub

	servers []*server
	url     string // for clients
	drain   time.Duration

	maxSessions int // 0 is no limit

	logGrace time.Duration // to deliver chat logs at the end

	closing atomic.Bool   // readiness says no from here on
	closed  chan struct{} // ends beside
	beside  sync.WaitGroup
	once    sync.Once // Close
	err     error     // of Close
}

// Start opens the data folder and the store, then what stands on them, then the
// listeners. When it returns an error it has stopped whatever it had started.
// ctx bounds the start alone.
func Start(ctx context.Context, cfg Config, log *slog.Logger) (_ *App, err error) {
	a := &App{log: log, regions: cfg.Regions, metrics: metrics.New(), since: time.Now(),
		maxSessions: cfg.MaxSessions, drain: time.Duration(cfg.DrainSeconds) * time.Second,
		closed: make(chan struct{})}
	a.beside.Go(func() { trim(a.closed) })
	defer func() {
		if err != nil {
			_ = a.Close()
		}
	}()
	if a.quotas, err = cfg.QuotasInForce(); err != nil {
		return nil, err
	}
	if a.data, err = openDataDir(cfg); err != nil {
		return nil, err
	}
	if a.audit, err = openAudit(cfg.AuditLog); err != nil {
		return nil, err
	}
	front, err := a.openFront(cfg)
	if err != nil {
		return nil, err
	}
	if err := a.openStore(ctx, cfg); err != nil {
		return nil, err
	}
	if err := a.openKeys(ctx, cfg); err != nil {
		return nil, err
	}
	if a.engine, err = fanout.NewEngine(runtime.GOMAXPROCS(0)); err != nil {
		return nil, fmt.Errorf("start engine: %w", err)
	}
	if a.review, err = review.New(cfg.Review, cfg.Path, a.metrics, log); err != nil {
		return nil, err
	}
	if err := errors.Join(a.openLogs(ctx, cfg), a.openExports(ctx, cfg)); err != nil {
		return nil, err
	}
	a.hub = hub.New(hub.Config{
		Bus: a.store, Rooms: a.store, Reviewer: a.review, ChatLog: a.logs, Engine: a.engine,
		Quotas: a.quotas, MaxSessions: cfg.MaxSessions, Metrics: a.metrics,
		Tracer: a.tracer, Notices: a.notices, Log: log,
	})
	a.metrics.WatchNode(a.node)
	chat := messaging.New(messaging.Config{
		Hub: a.hub, Opener: a.tokens, Redeemer: a.store, Plain: listen.Plain,
		Quotas: a.quotas, Metrics: a.metrics, Log: log,
	})
	api := control.New(control.Config{
		Rooms: a.store, LoggingConfigurations: a.store, Hub: a.hub, Functions: a.review,
		LogDestinations: a.prober(cfg),
		Sealer:          a.tokens, TokenIDs: a.store, Identities: a.keys, Nodes: a,
		Regions: cfg.Regions, Hosts: cfg.Hosts, Origins: cfg.CORSOrigins,
		MaxSkew: cfg.MaxClockSkew, Quotas: a.quotas,
		Audit: a.audit.writer(), Metrics: a.metrics, Tracer: a.tracer, Notices: a.notices, Log: log,
	})
	pages, err := openConsole(cfg)
	if err != nil {
		return nil, err
	}
	return a, a.open(cfg, front, route(hurry(chat), api, hurry(pages)))
}

// open starts the listeners, and tells where the server is.
func (a *App) open(cfg Config, front listen.Config, clients http.Handler) error {
	if err := a.listen("listen", cfg.Listen, front, writeTimeout, clients); err != nil {
		return err
	}
	err := a.listen("admin-listen", cfg.AdminListen, listen.Config{}, 0, hurry(a.admin()))
	if err != nil {
		return err
	}
	a.url = clientURL(cfg, a.Addr())
	return errors.Join(a.obtain(cfg), a.announce(cfg), a.answer())
}

// openStore opens the store, alone or together with other nodes.
func (a *App) openStore(ctx context.Context, cfg Config) error {
	node, err := a.data.nodeName(cfg)
	if err != nil {
		return err
	}
	settings, err := cfg.StoreConfig(a.data.storeDir(), node)
	if err != nil {
		return err
	}
	if a.store, err = store.Open(ctx, settings, a.log); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	return nil
}

// Which of the servers is which, in the order of their start.
const (
	clientServer = iota
	adminServer
)

// Addr returns where the chat and control listener accepts.
func (a *App) Addr() net.Addr { return a.servers[clientServer].addr }

// AdminAddr returns where the admin listener accepts.
func (a *App) AdminAddr() net.Addr { return a.servers[adminServer].addr }

// Reload takes the accounts, users, access keys, policies, review targets and log
// destinations from cfg, whose other settings need a restart, reads the admin token and
// the certificate's files, and opens the audit log's file anew. Sessions are not
// touched. What an error is about stays in force.
func (a *App) Reload(cfg Config) error {
	return errors.Join(a.reloadIdentities(cfg), a.openAdminToken(cfg), a.Reopen(),
		a.reloadReviewer(cfg), a.reloadLogs(cfg))
}

// Reopen is the part of Reload that needs no configuration: it opens the audit log anew,
// and reads the certificate again.
func (a *App) Reopen() error { return errors.Join(a.audit.reopen(), a.reloadCertificates()) }

// Close undoes Start: it stops accepting, finishes the requests in progress, drops
// the sessions so that their clients come back by themselves, and closes the
// store. It may be called twice, and returns when nothing is left running.
func (a *App) Close() error { return a.stop(context.Background(), 0) }

// Drain is Close for a server that others take over from: it ends the sessions
// evenly over the configured time, or at once when ctx is done.
func (a *App) Drain(ctx context.Context) error { return a.stop(ctx, a.drain) }

func (a *App) stop(ctx context.Context, drain time.Duration) error {
	a.once.Do(func() {
		a.closing.Store(true)
		a.data.withdraw()
		close(a.closed)
		a.closeCertificates() // handshakes that wait for one fail
		var errs []error
		for i, s := range a.servers {
			if i == adminServer {
				continue // it tells how the drain goes
			}
			errs = append(errs, s.stop())
		}
		if a.hub != nil {
			a.hub.Drain(ctx, drain)
		}
		a.review.Close() // after the reviews that the drain waits for
		errs = append(errs, a.closeLogs(ctx))
		if len(a.servers) > adminServer {
			errs = append(errs, a.servers[adminServer].stop())
		}
		if a.engine != nil {
			a.engine.Close()
		}
		for _, s := range a.servers {
			errs = append(errs, s.wait())
		}
		a.closeExports()
		a.tokens.Close()
		for _, end := range a.unanswer {
			end()
		}
		if a.store != nil {
			errs = append(errs, a.store.Close())
		}
		a.beside.Wait()
		errs = append(errs, a.audit.close(), a.data.close(), a.data.removeTemporary())
		a.err = errors.Join(errs...)
	})
	return a.err
}
