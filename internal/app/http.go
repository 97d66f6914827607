package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/console"
)

// route sends what is at the root to the messaging plane, what belongs to the console
// there, and everything else to the control plane. It looks at the raw target and never
// redirects: a redirect breaks a signature.
func route(messaging, control, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 { // the opening line of HTTP/2, which net/http lets through
			http.Error(w, "This server speaks HTTP/1.1.", http.StatusHTTPVersionNotSupported)
			return
		}
		path, _, _ := strings.Cut(r.RequestURI, "?")
		switch {
		case path == "/" && r.Method != http.MethodPost:
			messaging.ServeHTTP(w, r)
		case console.Handles(path):
			pages.ServeHTTP(w, r)
		default:
			control.ServeHTTP(w, r)
		}
	})
}

// openConsole returns the pages of the console. Those of development mode, whose access
// key everybody knows, are signed in.
func openConsole(cfg Config) (http.Handler, error) {
	settings := console.Settings{Regions: cfg.Regions}
	if cfg.Dev && len(cfg.Accounts) == 0 {
		settings.Key = &console.Key{ID: devKeyID, Secret: devSecret}
	}
	return console.New(settings)
}

// readyTimeout is how long the engine may take to answer a readiness check.
const readyTimeout = 2 * time.Second

// admin serves what operators and their tools look at.
func (a *App) admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("GET /quotas", a.serveQuotas)
	mux.HandleFunc("GET /logs", a.serveLogs)
	mux.HandleFunc("GET /rooms", a.serveRooms)
	mux.HandleFunc("GET /keys", a.serveKeys)
	mux.HandleFunc("GET /cluster", a.serveCluster)
	mux.Handle("POST /cluster/remove", a.private(a.removeNode))
	mux.Handle("POST /keys/rotate", a.private(a.rotateKeys))
	mux.Handle("GET /backup", a.private(a.serveBackup))
	mux.Handle("POST /restore", a.private(a.serveRestore))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// ready says whether this node should get traffic.
func (a *App) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := a.checkReady(ctx); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ready")
}

// checkReady returns why this node should get no traffic, or nil.
func (a *App) checkReady(ctx context.Context) error {
	if a.closing.Load() {
		return errors.New("shutting down")
	}
	if err := a.store.Check(ctx); err != nil {
		return fmt.Errorf("the store does not answer: %w", err)
	}
	return nil
}

// writeJSON answers with an object.
func writeJSON(w http.ResponseWriter, status int, object any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(object) // a reader that is gone needs no answer
}
