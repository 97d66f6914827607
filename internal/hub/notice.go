package hub

import (
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/notice"
)

// notice returns what other systems are told of a moderator's act, once it is done. The
// moderator is a user, or empty for an API call.
func (h *Hub) notice(
	m moderation, room parley.ARN, moderator string, now time.Time,
) *notice.Notice {
	if h.cfg.Notices == nil {
		return nil
	}
	n := &notice.Notice{Kind: notice.MessageDeleted, World: room.World(), Room: room, Time: now,
		MessageID: m.message, UserID: m.user, Moderator: moderator,
		Reason: m.attributes[reasonAttribute]}
	if m.user != "" {
		n.Kind = notice.UserDisconnected
	}
	return n
}

// put tells other systems of a notice, if there is one.
func (h *Hub) put(n *notice.Notice) {
	if n != nil {
		h.cfg.Notices.Put(*n)
	}
}

// breached tells other systems that an account is over a limit.
func (h *Hub) breached(of parley.World, quota parley.Quota, now time.Time) {
	if h.cfg.Notices != nil {
		h.cfg.Notices.Put(notice.Notice{Kind: notice.LimitBreach, World: of, Time: now,
			Quota: quota, Limit: h.cfg.Quotas[quota]})
	}
}
