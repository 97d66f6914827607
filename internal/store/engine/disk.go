package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// errDisabled says that the server gave up storing, as it does when its disk is full or
// refuses writes. The other nodes go on without it.
var errDisabled = errors.New("this node stores nothing any more, " +
	"since its disk is full or fails: restart it when the disk takes files again")

// writeErrorPart is in what the server says about a stream, or about its knowledge of
// streams, that it cannot write any more.
const writeErrorPart = "write error"

// diskFault returns why this node of a cluster cannot save, or nil. That it lags behind
// the others is no fault.
func (e *Engine) diskFault() error {
	if !e.server.JetStreamEnabled() {
		return errDisabled
	}
	for _, problem := range e.server.Healthz(&server.HealthzOptions{Details: true}).Errors {
		if strings.Contains(problem.Error, writeErrorPart) {
			return fmt.Errorf("%w (%s)", errDisabled, problem.Error)
		}
	}
	return nil
}

// watchDisk looks after the disk of this node of a cluster until run ends. When it
// fails, the node stops storing at once and for good, as the server does by itself
// for some errors: or else what it leads would stop one after the other, each for as
// long as an election takes.
func (e *Engine) watchDisk(run context.Context) {
	for {
		select {
		case <-run.Done():
			return
		case <-e.lines.trouble:
		}
		if err := e.diskFault(); err != nil && run.Err() == nil {
			e.log.Error("the store cannot save", "err", err)
			if err := e.server.ShutdownJetStream(); err != nil {
				e.log.Error("stop storing", "err", err)
			}
			return
		}
	}
}

// Current returns when this node of a cluster has taken in what the others have, so
// that one of them may stop.
func (e *Engine) Current(ctx context.Context) error {
	if e.cfg.Cluster == nil {
		return nil
	}
	return e.Await(ctx, "the copies of this node to be up to date",
		func(context.Context) error { return e.unhealthy() })
}
