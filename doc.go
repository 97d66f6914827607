// Package parley is the vocabulary of the Parley chat service: rooms, tokens,
// messages, identifiers, limits and errors, with the rules for their values.
// It does no I/O. Every other package speaks these words, and each boundary
// (HTTP, WebSocket, NATS) translates them to its own form.
package parley
