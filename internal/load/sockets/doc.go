// Package sockets is the client's side of many sessions: it opens them, does their
// handshakes, takes frames apart and moves bytes, and tells a Handler what happens. It
// knows nothing of what frames say, nor why they are sent.
//
// It is made to use little CPU, since it often shares a machine with the server. On
// Linux, one goroutine owns an epoll instance with all sockets, reads them into one
// buffer and walks the frames there. TLS and other systems take a goroutine for
// each session.
package sockets
