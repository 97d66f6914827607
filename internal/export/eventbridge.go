package export

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/parley-chat/parley/internal/outbox"
)

// EventBridge is an event bus.
type EventBridge struct {
	AWS
	// Bus is its name or ARN; empty: the default bus.
	Bus string
}

// eventBridge sends events to a bus.
type eventBridge struct {
	client *eventbridge.Client
	bus    *string
}

func newEventBridge(ctx context.Context, c EventBridge) (*eventBridge, error) {
	cfg, err := c.load(ctx)
	if err != nil {
		return nil, err
	}
	b := &eventBridge{client: eventbridge.NewFromConfig(cfg, func(o *eventbridge.Options) {
		c.endpoint(&o.BaseEndpoint)
	})}
	if c.Bus != "" {
		b.bus = &c.Bus
	}
	return b, nil
}

func (b *eventBridge) close() { closeIdle(b.client.Options().HTTPClient) }

// passingCodes are those of entries that EventBridge may take another time. Source:
// PutEventsResultEntry, API reference.
var passingCodes = []string{"ThrottlingException", "InternalFailure", "InternalException",
	"ServiceUnavailable"}

func (b *eventBridge) send(ctx context.Context, batch []event) outbox.Result[event] {
	entries := make([]types.PutEventsRequestEntry, len(batch))
	for i, e := range batch {
		entries[i] = types.PutEventsRequestEntry{
			Source:       &e.Source,
			DetailType:   &e.DetailType,
			Time:         &e.Time,
			Resources:    e.Resources,
			Detail:       aws.String(string(encode(e.Detail))),
			EventBusName: b.bus,
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
	switch {
	case err != nil && passes(err):
		return outbox.Result[event]{Again: batch, Err: err}
	case err != nil:
		return outbox.Result[event]{Err: err}
	}
	return resultOf(batch, out.Entries)
}

// resultOf returns what became of the single events, which EventBridge tells in their
// order.
func resultOf(batch []event, entries []types.PutEventsResultEntry) outbox.Result[event] {
	result := outbox.Result[event]{Sent: len(batch)}
	for i, entry := range entries[:min(len(entries), len(batch))] {
		if entry.ErrorCode == nil {
			continue
		}
		result.Sent--
		if slices.Contains(passingCodes, *entry.ErrorCode) {
			result.Again = append(result.Again, batch[i])
		}
		result.Err = fmt.Errorf("%w: %s", errPart, *entry.ErrorCode)
	}
	return result
}
