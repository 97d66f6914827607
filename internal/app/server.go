package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/parley-chat/parley/internal/listen"
)

// Limits of the HTTP servers.
const (
	headerTimeout   = 10 * time.Second  // to send a request's headers
	bodyTimeout     = 10 * time.Second  // to send its body, after them
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
	door *listen.Door
}

// listen starts a server on an address; flag is the name under which a person
// sets it, and front is how it lets clients in. A client that does not take its
// answer within the timeout is dropped; 0 is no limit.
func (a *App) listen(
	flag, address string, front listen.Config, timeout time.Duration, handler http.Handler,
) error {
	front.Metrics, front.Log = a.metrics, a.log
	door := listen.New(front)
	l, err := door.Listen(address)
	if err != nil {
		return fmt.Errorf("cannot accept connections on %s (set another address with --%s): %w",
			address, flag, errors.Unwrap(err))
	}
	s := &server{
		http: &http.Server{
			Handler:           door.Handler(handler),
			ConnState:         door.Watch,
			ReadHeaderTimeout: headerTimeout,
			WriteTimeout:      timeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		},
		addr: l.Addr(),
		done: make(chan error, 1),
		door: door,
	}
	go func() { s.done <- s.http.Serve(l) }()
	a.servers = append(a.servers, s)
	return nil
}

// hurry sets a deadline for the bodies of requests to handlers that do not do so, most of
// which want none. It ends the server's wait for one that nobody reads, and is gone when a
// body has arrived whole, or the connection becomes a session. What comes late must not be
// taken for the next request, so there is none.
func hurry(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			w.Header().Set("Connection", "close")
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		next.ServeHTTP(w, r)
	})
}

// stop refuses new connections and waits for the requests in progress, except
// for sessions, which are no longer the HTTP server's.
func (s *server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	s.http.RegisterOnShutdown(s.door.CloseFresh)
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
