package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/parley-chat/parley/internal/metrics"
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
		WaitingEvents:   saved.Waiting,
		EventLosses:     saved.Overflows,
		CanSave:         saved.CanSave,
		StoreBytes:      saved.Bytes,
		StoreEntries:    saved.Entries,
		StoreErrors:     saved.Errors,
		SlowConnections: saved.Slow,
		Quotas:          a.quotaUse(),
	}
}

// quotaUse returns what is used of the quotas that count things, in the accounts and
// regions that have something.
func (a *App) quotaUse() []metrics.QuotaUse {
	var all []metrics.QuotaUse
	for _, use := range a.uses() {
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
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(report) // a reader that is gone needs no answer
}
