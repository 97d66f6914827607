package control

import (
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/notice"
)

// tell tells other systems what has become of a room.
func (h *Handler) tell(kind notice.Kind, room parley.ARN, name string) {
	h.notices.Put(notice.Notice{Kind: kind, World: room.World(), Room: room, Time: time.Now(),
		RoomName: name})
}

// resourceQuotas are the quotas that operations are refused for which make something.
var resourceQuotas = map[string]parley.Quota{
	"CreateRoom":                 parley.QuotaRooms,
	"CreateLoggingConfiguration": parley.QuotaLoggingConfigurations,
}

// tellBreach tells other systems that a call was over a limit.
func (h *Handler) tellBreach(c *call, quota parley.Quota, limit int) {
	h.notices.Put(notice.Notice{Kind: notice.LimitBreach, World: c.world, Time: c.now,
		Quota: quota, Limit: limit})
}
