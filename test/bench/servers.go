package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley/internal/sigv4"
)

// The environment variables that make this program one of the servers that parley
// is compared with.
const (
	roleVariable = "PARLEY_BENCH_SERVER"
	sizeVariable = "PARLEY_BENCH_ANSWER_BYTES"

	roleBare   = "bare"   // reads the body, answers
	roleSigned = "signed" // checks the signature before it answers
	roleLimit  = "limit"  // sends every message to all
	roleRaw    = "raw"    // no server, but the load of roleLimit
)

// serveRole serves until its standard input ends, which it does with the program
// that started it.
func serveRole(ctx context.Context, role string) error {
	if role == roleLimit || role == roleRaw {
		return serveLimitRole(ctx, role)
	}
	size, err := strconv.Atoi(os.Getenv(sizeVariable))
	if err != nil {
		return fmt.Errorf("%s: %w", sizeVariable, err)
	}
	answer := []byte(`{"token":"` + strings.Repeat("t", max(0, size-12)) + `"}`)
	var handler http.Handler = bareHandler{answer}
	if role == roleSigned {
		handler = signedHandler{sigv4.New(sigv4.Config{Regions: []string{region}}), answer}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = l.Close()
	}()
	fmt.Println(readyPrefix + "http://" + l.Addr().String())
	if err := http.Serve(l, handler); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// bareHandler reads the body and answers.
type bareHandler struct{ answer []byte }

func (h bareHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, err := io.ReadAll(r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	write(w, h.answer)
}

// signedHandler also checks the signature.
type signedHandler struct {
	verifier *sigv4.Verifier
	answer   []byte
}

func (h signedHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	signature, err := h.verifier.Parse(sigv4.Request{
		Method: r.Method, Path: path, RawQuery: query, Host: r.Host,
		Header: r.Header, ContentLength: r.ContentLength,
	}, time.Now())
	if err == nil {
		var body []byte
		if body, err = io.ReadAll(r.Body); err == nil {
			err = signature.Verify(sigv4.Key{ID: keyID, Secret: keySecret}, body)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	write(w, h.answer)
}

func write(w http.ResponseWriter, answer []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = w.Write(answer) // when it fails, the load notices
}

// readyPrefix begins the line that a server prints when it accepts connections.
const readyPrefix = "parley: ready "

// Limits of a server's life.
const (
	startTimeout = time.Minute
	stopTimeout  = 20 * time.Second
)

// server is a server in a process of its own.
type server struct {
	cmd   *exec.Cmd
	stdin io.Closer
	log   bytes.Buffer // may be read when the process is gone
	addr  netip.AddrPort
	took  time.Duration // from the start of the process to its ready line
}

// startServer starts a server on CPUs and waits until it is ready. It ends with ctx
// at the latest.
func startServer(ctx context.Context, cpus []int, env []string, name string, args ...string) (
	_ *server, err error,
) {
	s := &server{cmd: exec.CommandContext(ctx, name, args...)}
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stderr = &s.log
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = stopTimeout
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := startOn(s.cmd, cpus); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	timer := time.AfterFunc(startTimeout, func() { _ = s.cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	timer.Stop()
	s.took = time.Since(begin)
	if err == nil {
		s.addr, err = readyAddress(line)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), s.stop())
	}
	return s, nil
}

func readyAddress(line string) (netip.AddrPort, error) {
	address, ok := strings.CutPrefix(strings.TrimSpace(line), readyPrefix+"http://")
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("it printed %q, want the ready line", line)
	}
	return netip.ParseAddrPort(address)
}

// stop ends the server, and waits until it is gone. The error has what it logged.
func (s *server) stop() error {
	_ = s.stdin.Close() // it may be gone already
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(stopTimeout, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w\n%s", s.cmd.Path, err, &s.log)
	}
	return nil
}
