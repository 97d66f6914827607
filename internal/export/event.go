package export

import (
	"encoding/json"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/notice"
)

// event is an event as webhooks get it: in the envelope of EventBridge. Source: events
// in EventBridge, structure reference.
type event struct {
	Version    string    `json:"version"` // of the envelope
	ID         string    `json:"id"`      // a UUID, the same whenever the event is sent
	DetailType string    `json:"detail-type"`
	Source     string    `json:"source"`
	Account    string    `json:"account"`
	Time       time.Time `json:"time"` // in whole seconds
	Region     string    `json:"region"`
	Resources  []string  `json:"resources"` // the room's ARN, if there is one
	Detail     detail    `json:"detail"`
}

// detail is what an event says. Each kind has some of the members.
type detail struct {
	RoomID    string `json:"room_id,omitempty"`
	RoomName  string `json:"room_name,omitempty"`
	MessageID string `json:"message_id,omitempty"`
	UserID    string `json:"user_id,omitempty"`
	Moderator string `json:"moderator_user_id,omitempty"`
	Reason    string `json:"reason,omitempty"`

	LimitName  string `json:"limit_name,omitempty"`
	LimitValue int    `json:"limit_value,omitempty"`
	LimitUnit  string `json:"limit_unit,omitempty"`
	ExceededBy int    `json:"exceeded_by,omitempty"`
	// At EventBridge, an event's account and region are those of its bus.
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
}

func newEvent(n notice.Notice, source string) event {
	e := event{
		Version:    "0",
		ID:         parley.NewRequestID(),
		DetailType: string(n.Kind),
		Source:     source,
		Account:    n.World.Account,
		Time:       n.Time.UTC().Truncate(time.Second),
		Region:     n.World.Region,
		Resources:  []string{},
		Detail: detail{RoomID: n.Room.ID, RoomName: n.RoomName, MessageID: n.MessageID,
			UserID: n.UserID, Moderator: n.Moderator, Reason: n.Reason},
	}
	if n.Kind == notice.LimitBreach {
		e.Detail = detail{LimitName: string(n.Quota), LimitValue: n.Limit, LimitUnit: unitOf(n.Quota),
			ExceededBy: 1, Account: n.World.Account, Region: n.World.Region}
		return e
	}
	e.Resources = append(e.Resources, n.Room.String())
	return e
}

// unitOf returns what a quota counts.
func unitOf(q parley.Quota) string {
	switch q {
	case parley.QuotaRooms, parley.QuotaLoggingConfigurations, parley.QuotaConnections:
		return "Count"
	}
	return "Count/Second"
}

// encode returns a value of this package as JSON.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // events are made of text, numbers and times of today
	}
	return text
}
