// Package wire is the JSON of the service. It holds the one decoder that both
// planes read requests with, the requests of the messaging plane, and the frames
// that it sends: MESSAGE, EVENT and ERROR, each in both directions, for servers and
// for clients. HTTP bodies are shaped in control, and WebSocket framing is done in
// messaging, fanout and client.
package wire
