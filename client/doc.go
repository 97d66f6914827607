// Package client connects to chat rooms of Parley and of Amazon IVS Chat: it receives
// what is said there, sends messages, deletes messages and disconnects users.
//
// A room needs a token for each connection. The application's backend makes it, by
// calling CreateChatToken of the control plane, so a room is given a function that asks
// the backend: see the example of TokenProvider. This is a bot that answers "!ping":
//
//	room, err := client.Dial(ctx, "wss://chat.example", tokens, client.Options{})
//	if err != nil {
//		return err
//	}
//	defer room.Close()
//	for received, err := range room.Receive(ctx) {
//		if err != nil {
//			return err
//		}
//		if m, ok := received.(*client.Message); ok && m.Content == "!ping" {
//			room.Send(ctx, "pong", nil)
//		}
//	}
//
// The address at Amazon is that of AmazonURL.
//
// # Staying connected
//
// Once Dial has connected, the room stays connected until Close. It ends by itself, with
// a *DisconnectedError, only when to come back would be wrong or in vain: when the server
// closes the connection in order, as it does when a moderator disconnects the user; when
// the room is gone; when the token provider says that its error is permanent; or when
// Options.MaxAttempts is used up.
//
// A session ends when its time is up, after an hour unless the token says otherwise. The
// room opens the next connection before that, with a new token, while the last one still
// works. For a moment it reads both, and hands on each message once and in the order in
// which the server sent it; requests are answered over whichever connection is right. So
// no message is lost and nobody notices: Parley promises that the two connections have no
// gap between them, and Amazon, which promises nothing, has a second in which both are
// read. The room needs to know when the session ends, so a provider should fill in
// Token.SessionExpirationTime.
//
// When a connection breaks, or nothing has come over it for a minute, not even the answer
// to a ping, the room connects again: nearly at once, and after further failures in
// growing, random intervals, so that a server which comes back is not met by all of its
// clients at the same time. A server that is too busy can say how long to stay away, with
// Retry-After. Receive yields a *StateChange for all of this.
//
// # What can be lost
//
// Messages are not stored by the server. What is sent between the end of a broken
// connection and the next connection is not received. A refresh has no such gap.
//
// A request whose answer was not received may or may not have been done. That is an
// error which is ErrOutcomeUnknown; nothing is sent twice on its own. A request without
// a connection waits for one, until its context is done.
//
// What was received waits in a queue until it is asked for. Before the first call of
// Receive or Handle, the oldest is dropped when the queue is full, so that a program that
// only sends need not receive. After it, nothing is dropped: when the queue is full,
// nothing more is read, and the server ends the connection if that takes too long. So a
// program that once received should go on, or close the room. While a request waits for
// its answer, twice as much is taken into the queue, so that it can be made in a loop over
// Receive; when there is even more before the answer, the request fails with
// ErrOutcomeUnknown. A refresh may hold as much again, for a moment.
//
// # Limits
//
// A room has up to 64 requests without an answer at a time; more wait. Requests of more
// than 16 KiB and frames of more than 128 KiB are refused. The server has limits of its
// own: ten requests a second for each connection, and as many messages a second for each
// room as it is set to. What exceeds them fails with a *RequestError of code 429.
//
// A room has two goroutines, a few more in a refresh, and between 15 and 50 KB of memory,
// besides what waits in its queue. A thousand rooms in one process are no burden.
package client
