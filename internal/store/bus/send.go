package bus

import (
	"context"
	"time"
)

// lastFlush is how long Close waits for the last messages to leave.
const lastFlush = time.Second

// outLocked sends a message after all before. When too many wait it is lost, which the
// others notice, and ask again. Publish leaves half of the room to beats and answers,
// without which the others would take this node for dead.
func (b *Bus) outLocked(subject string, data []byte) {
	if len(b.outgoing) >= 2*maxOutgoing || b.outgoingBytes >= 2*maxOutgoingBytes {
		b.stats.Unsent++
		return
	}
	b.outgoing = append(b.outgoing, message{subject, data})
	b.outgoingBytes += len(data)
	if len(b.outgoing) == 1 {
		signal(b.sendWake)
	}
}

// outgoingFullLocked reports whether no more events should be published.
func (b *Bus) outgoingFullLocked() bool {
	return len(b.outgoing) >= maxOutgoing || b.outgoingBytes >= maxOutgoingBytes
}

// send hands messages to the network, until stop.
func (b *Bus) send() {
	var batch []message
	for {
		select {
		case <-b.sendEnd:
			b.sendAll(batch)
			ctx, cancel := context.WithTimeout(context.Background(), lastFlush)
			_ = b.net.Flush(ctx) // the others will miss us soon enough
			cancel()
			return
		case <-b.sendWake:
			batch = b.sendAll(batch)
		}
	}
}

// sendAll sends what waits. It returns a slice to use again.
func (b *Bus) sendAll(batch []message) []message {
	b.mu.Lock()
	batch, b.outgoing = b.outgoing, batch[:0]
	b.outgoingBytes, b.sending = 0, len(batch)
	b.mu.Unlock()
	failed := uint64(0)
	for i, m := range batch {
		if b.net.Publish(m.subject, m.data) != nil {
			failed++ // a later beat shows the others what they missed
		}
		batch[i] = message{}
	}
	b.mu.Lock()
	b.sending, b.sent = 0, b.sent+uint64(len(batch))
	b.stats.Messages += uint64(len(batch)) - failed
	b.stats.Unsent += failed
	b.mu.Unlock()
	return batch
}
