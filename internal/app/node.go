package app

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/store"
)

// node returns how the parts of the server are, for metrics.
func (a *App) node() metrics.Node {
	saved := a.store.Stats()
	sessions, bytes := a.engine.Backlog()
	return metrics.Node{
		MaxSessions:     a.maxSessions,
		Pending:         a.hub.Pending(),
		FanoutLag:       a.engine.Lag(),
		BlockedSessions: sessions,
		BlockedBytes:    bytes,
		Bus:             busUse(saved.Bus),
		CanSave:         saved.CanSave,
		StoreBytes:      saved.Bytes,
		StoreEntries:    saved.Entries,
		StoreErrors:     saved.Errors,
		SlowConnections: saved.Slow,
		Quotas:          a.quotaUse(),
	}
}

// busUse returns how events travel between the nodes.
func busUse(s store.BusStats) metrics.Bus {
	return metrics.Bus{
		Nodes: s.Live, Waiting: s.Waiting, Holding: s.Holding, Kept: s.KeptBytes,
		Messages: s.Messages, Sent: s.Sent, Received: s.Received, Recovered: s.Recovered,
		Gaps: s.Gaps, Late: s.Lags, Overflows: s.Overflows, Losses: s.Losses,
	}
}

// quotaUse returns what is used of the quotas that count things, in the accounts and
// regions that have something.
func (a *App) quotaUse() []metrics.QuotaUse {
	var all []metrics.QuotaUse
	for _, use := range a.uses(a.hub.ConnectionsHere) {
		for quota, used := range use.Counts {
			all = append(all, metrics.QuotaUse{Quota: string(quota), Account: use.Account,
				Region: use.Region, Used: used, Limit: a.quotas[quota]})
		}
	}
	return all
}

// How many rooms /rooms lists.
const (
	defaultTopRooms = 20
	maxTopRooms     = 1000
)

// RoomReport has the rooms in which most is going on, as the admin listener serves it
// under /rooms.
type RoomReport struct {
	Rooms []RoomUse `json:"rooms"`
}

// RoomUse is what a room has on this node, and what its sessions get. Counts are since
// its first session came.
type RoomUse struct {
	Room       string `json:"room"` // ARN
	Sessions   int    `json:"sessions"`
	Frames     int64  `json:"frames"`                 // messages and events
	Deliveries int64  `json:"deliveries"`             // of frames to sessions
	LastMinute int64  `json:"deliveries_last_minute"` // in the last full minute
}

// serveRooms answers with a RoomReport.
func (a *App) serveRooms(w http.ResponseWriter, r *http.Request) {
	top := defaultTopRooms
	if text := r.URL.Query().Get("top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxTopRooms {
			http.Error(w, fmt.Sprintf("top must be 1 to %d", maxTopRooms), http.StatusBadRequest)
			return
		}
		top = n
	}
	report := RoomReport{Rooms: []RoomUse{}}
	for _, room := range a.hub.TopRooms(top) {
		report.Rooms = append(report.Rooms, RoomUse{room.Room.String(), room.Sessions,
			room.Frames, room.Deliveries, room.LastMinute})
	}
	writeJSON(w, http.StatusOK, report)
}
