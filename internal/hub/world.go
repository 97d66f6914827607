package hub

import (
	"sync"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/wire"
)

// sharedRates are the rates that the sessions of an account and region share, on all
// nodes.
var sharedRates = [...]parley.Quota{
	parley.QuotaMessages, parley.QuotaDeletes, parley.QuotaDisconnects,
}

// world is what sessions of one account and region share.
type world struct {
	mu          sync.Mutex // guards what follows
	connections int        // on this node
	elsewhere   int        // connections on other nodes, as last heard
	rates       map[parley.Quota]*meter
}

// meter measures one of sharedRates.
type meter struct {
	bucket bucket
	untold int // requests that this node has admitted since its last report
}

// worldLocked returns what is shared in a world; h.mu is held.
func (h *Hub) worldLocked(of parley.World) *world {
	w := h.worlds[of]
	if w == nil {
		w = &world{rates: map[parley.Quota]*meter{}}
		for _, quota := range sharedRates {
			w.rates[quota] = new(meter)
		}
		h.worlds[of] = w
		if len(h.told) < maxReported && fits(of) {
			h.told = append(h.told, of)
		}
	}
	return w
}

// take counts an action against a rate of an account.
func (h *Hub) take(
	arn parley.ARN, w *world, quota parley.Quota, action wire.Action, now time.Time,
) error {
	limit := h.cfg.Quotas[quota]
	if w.take(quota, now, limit) {
		return nil
	}
	h.cfg.Metrics.Throttled("account", string(action))
	h.breached(arn.World(), quota, now)
	return &parley.Error{
		Code: parley.Throttled, Message: "Rate exceeded", Resource: arn.Resource(), Limit: limit,
	}
}

func (w *world) take(quota parley.Quota, now time.Time, limit int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.rates[quota]
	if !m.bucket.take(now, limit) {
		return false
	}
	m.untold++
	return true
}

// connect counts one more session on this node, within a limit for all nodes together.
// What others have is known as of their last reports, so nodes that come to the limit at
// the same moment may take too many: each no more than was left by then.
func (w *world) connect(arn parley.ARN, limit int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if limit > 0 && w.connections+w.elsewhere >= limit {
		return &parley.Error{
			Code:     parley.Throttled,
			Message:  "The account has too many concurrent connections.",
			Resource: arn.Resource(),
			Limit:    limit,
		}
	}
	w.connections++
	return nil
}

func (w *world) disconnect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connections--
}

// Connections returns how many sessions of a world are open on all nodes together. Those
// of others are known as of their last reports.
func (h *Hub) Connections(of parley.World) int {
	here, elsewhere := h.connections(of)
	return here + elsewhere
}

// ConnectionsHere returns how many sessions of a world are open on this node.
func (h *Hub) ConnectionsHere(of parley.World) int {
	here, _ := h.connections(of)
	return here
}

func (h *Hub) connections(of parley.World) (here, elsewhere int) {
	h.mu.Lock()
	w := h.worlds[of]
	h.mu.Unlock()
	if w == nil {
		return 0, 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.connections, w.elsewhere
}
