// Package load puts load on a server and measures what it does: how fast one room's
// messages reach its sessions, how fast sessions open, how fast tokens are minted.
// It speaks the protocol of the original, so that it also measures other servers
// than Parley. It owns the client's side only: it starts no server, prints nothing
// and exits nothing. Package main of cmd/parley gives it its command line, and
// package sockets moves its bytes.
package load
