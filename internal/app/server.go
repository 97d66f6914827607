package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of the HTTP servers.
const (
	headerTimeout   = 10 * time.Second  // to send a request's headers
	idleTimeout     = 120 * time.Second // between two requests
	writeTimeout    = 30 * time.Second  // for a client to take its answer
	maxHeaderBytes  = 64 << 10
	shutdownTimeout = 10 * time.Second // for requests in progress to finish
)

// server is one listener and the HTTP server behind it.
type server struct {
	http *http.Server
	addr net.Addr
	done chan error // of Serve

	fresh sync.Map // connections on which no request has come yet; no values
}

// watch keeps fresh up to date.
func (s *server) watch(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.fresh.Store(conn, nil)
	} else {
		s.fresh.Delete(conn)
	}
}

// closeFresh closes the connections that clients have opened in advance, for which
// Shutdown would wait.
func (s *server) closeFresh() {
	for conn := range s.fresh.Range {
		_ = conn.(net.Conn).Close()
	}
}

// listen starts a server on an address; flag is the name under which a person
// sets it. A client that does not take its answer within the timeout is dropped;
// 0 is no limit.
func (a *App) listen(
	flag, address string, timeout time.Duration, handler http.Handler,
) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot accept connections on %s (set another address with --%s): %w",
			address, flag, errors.Unwrap(err))
	}
	s := &server{
		http: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: headerTimeout,
			WriteTimeout:      timeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		},
		addr: l.Addr(),
		done: make(chan error, 1),
	}
	s.http.ConnState = s.watch
	go func() { s.done <- s.http.Serve(l) }()
	a.servers = append(a.servers, s)
	return nil
}

// stop refuses new connections and waits for the requests in progress, except
// for sessions, which are no longer the HTTP server's.
func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	s.http.RegisterOnShutdown(s.closeFresh)
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

func (s *server) wait() error {
	if err := <-s.done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
