package hub

import (
	"time"

	"github.com/parley-chat/parley"
)

// neighbor is what is known of another node.
type neighbor struct {
	connections map[parley.World]int
	unreadable  bool // its last report could not be read
}

// report returns this node's report, and begins the next one.
func (h *Hub) report() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := report{clock: h.clock.now()}
	for _, of := range h.told {
		if u := h.worlds[of].usage(of); u != (usage{world: of}) {
			r.worlds = append(r.worlds, u)
		}
	}
	return r.encode()
}

// usage returns what a world uses, and begins to count anew.
func (w *world) usage(of parley.World) usage {
	w.mu.Lock()
	defer w.mu.Unlock()
	u := usage{world: of, connections: w.connections}
	for i, quota := range sharedRates {
		u.admitted[i], w.rates[quota].untold = w.rates[quota].untold, 0
	}
	return u
}

// heard takes another node's report: what it has admitted is charged here, too, and its
// connections count until its next report. What a report had that was lost on the way
// is not charged.
func (h *Hub) heard(node uint64, encoded []byte) {
	now := time.Now()
	r, err := decodeReport(encoded)
	if h.account(node, r, err, now) {
		h.cfg.Log.Error("reports of another node cannot be read: its connections and "+
			"rates do not count here", "node", node, "err", err)
	}
}

// account takes a report into account, or that it could not be read. It reports whether
// that is news.
func (h *Hub) account(node uint64, r report, err error, now time.Time) (worse bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.neighborLocked(node)
	worse = err != nil && !n.unreadable
	n.unreadable = err != nil
	h.clock.observe(r.clock)
	h.recountLocked(n, r.worlds)
	for _, u := range r.worlds {
		h.worldLocked(u.world).charge(now, u, h.cfg.Quotas, len(h.neighbors))
	}
	return worse
}

// neighborLocked returns what is known of a node; h.mu is held.
func (h *Hub) neighborLocked(node uint64) *neighbor {
	n := h.neighbors[node]
	if n == nil {
		n = &neighbor{}
		h.neighbors[node] = n
		h.others.Store(int32(len(h.neighbors)))
		h.clustered.Store(true)
	}
	return n
}

// gone forgets a node that has left.
func (h *Hub) gone(node uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := h.neighbors[node]; n != nil {
		h.recountLocked(n, nil)
		delete(h.neighbors, node)
		h.others.Store(int32(len(h.neighbors)))
	}
}

// recountLocked replaces the connections that a node has; h.mu is held.
func (h *Hub) recountLocked(n *neighbor, worlds []usage) {
	for of, connections := range n.connections {
		h.worldLocked(of).moreElsewhere(-connections)
	}
	n.connections = make(map[parley.World]int, len(worlds))
	for _, u := range worlds {
		if u.connections > 0 {
			n.connections[u.world] += u.connections
			h.worldLocked(u.world).moreElsewhere(u.connections)
		}
	}
}

func (w *world) moreElsewhere(connections int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.elsewhere += connections
}

// charge counts what another node has admitted.
func (w *world) charge(now time.Time, u usage, limits parley.Quotas, others int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, quota := range sharedRates {
		w.rates[quota].bucket.charge(now, limits[quota], u.admitted[i], others)
	}
}
