package hub_test

import (
	"errors"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

func TestDeleteMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		mod, ben := s.join("mod", all), s.join("ben", 0)
		mod.send(`{"Action":"DELETE_MESSAGE","Id":"ABCdef123456","Reason":"off topic","RequestId":"q"}`)
		for _, u := range []*user{mod, ben} {
			got := u.next()
			if got["Id"] == "ABCdef123456" {
				t.Error("the event has the deleted message's Id, want its own")
			}
			delete(got, "Id")
			want := map[string]any{"Type": "EVENT", "RequestId": "q", "EventName": "aws:DELETE_MESSAGE",
				"SendTime":   time.Now().UTC().Format(time.RFC3339Nano),
				"Attributes": map[string]any{"MessageID": "ABCdef123456", "MessageId": "ABCdef123456", "Reason": "off topic"}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		}
		mod.send(`{"Action":"DELETE_MESSAGE","Id":"ABCdef123456"}`)
		if got := mod.next()["Attributes"].(map[string]any); len(got) != 2 {
			t.Errorf("without a reason: attributes %v, want no Reason", got)
		}
	})
}

func TestDisconnectUserEndsAllTheirSessionsAfterTheEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		mod, bo, boToo, ana := s.join("mod", all), s.join("bo", all), s.join("bo", all), s.join("ana", all)
		mod.send(`{"Action":"DISCONNECT_USER","UserId":"bo","Reason":"spam","RequestId":"q"}`)
		bo.say("a last word")
		for _, u := range []*user{mod, ana, bo, boToo} {
			got := u.next()
			want := map[string]any{"UserId": "bo", "Reason": "spam"}
			if got["EventName"] != "aws:DISCONNECT_USER" || got["RequestId"] != "q" ||
				!maps.Equal(got["Attributes"].(map[string]any), want) {
				t.Errorf("received %v, want aws:DISCONNECT_USER with %v", got, want)
			}
		}
		for _, u := range []*user{bo, boToo} {
			u.wantClose(1000, "spam")
			u.say("from beyond")
			u.PeerClosed(1000)
			if frame, ok := <-u.frames; ok {
				t.Errorf("received %s after the Close frame", frame.Payload)
			}
		}
		mod.wantNothing()
		ana.wantNothing()
		s.join("bo", all).say("back again") // it is no ban
		ana.wantMessage("back again")
	})
}

func TestControlPlaneEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, nil, parley.RoomChange{})
		ana, bo := s.join("ana", 0), s.join("bo", 0)
		wantEvent := func(id, name string, attributes map[string]any) {
			t.Helper()
			want := map[string]any{"Type": "EVENT", "Id": id, "RequestId": "", "EventName": name,
				"Attributes": attributes, "SendTime": time.Now().UTC().Format(time.RFC3339Nano)}
			for _, u := range []*user{ana, bo} {
				if diff := cmp.Diff(want, u.next()); diff != "" {
					t.Errorf("event (-want +got):\n%s", diff)
				}
			}
		}
		id, err := s.SendEvent(t.Context(), s.room, "poll:opened", map[string]string{"pollId": "41"})
		if err != nil {
			t.Fatal(err)
		}
		wantEvent(id, "poll:opened", map[string]any{"pollId": "41"})
		if id, err = s.DeleteMessage(t.Context(), s.room, "ABCdef123456", "off topic"); err != nil {
			t.Fatal(err)
		}
		wantEvent(id, "aws:DELETE_MESSAGE", map[string]any{
			"MessageID": "ABCdef123456", "MessageId": "ABCdef123456", "Reason": "off topic"})
		if err := s.DisconnectUser(t.Context(), s.room, "bo", ""); err != nil {
			t.Fatal(err)
		}
		for _, u := range []*user{ana, bo} {
			if got := u.next()["Attributes"]; !cmp.Equal(got, any(map[string]any{"UserId": "bo"})) {
				t.Errorf("attributes %v, want the user id alone", got)
			}
		}
		bo.wantClose(1000, "")
		ana.wantNothing()
	})
}

func TestControlPlaneEventsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, parley.Quotas{parley.QuotaDeletes: 2}, parley.RoomChange{})
		calls := map[string]func(room parley.ARN) error{
			"SendEvent": func(room parley.ARN) error {
				_, err := s.SendEvent(t.Context(), room, "x", nil)
				return err
			},
			"DeleteMessage": func(room parley.ARN) error {
				_, err := s.DeleteMessage(t.Context(), room, "ABCdef123456", "")
				return err
			},
			"DisconnectUser": func(room parley.ARN) error {
				return s.DisconnectUser(t.Context(), room, "bo", "")
			},
		}
		gone := s.room
		gone.ID = "gone"
		for name, call := range calls {
			if err := call(s.room); err != nil { // into a room without sessions
				t.Errorf("%s: %v", name, err)
			}
			if err := call(gone); parley.CodeOf(err) != parley.NotFound {
				t.Errorf("%s in a room that does not exist: %v, want not found", name, err)
			}
		}
		// Both planes share the rate: one delete came over each.
		mod := s.join("mod", all)
		mod.send(`{"Action":"DELETE_MESSAGE","Id":"ABCdef123456"}`)
		if got := mod.next(); got["EventName"] != "aws:DELETE_MESSAGE" {
			t.Errorf("received %v", got)
		}
		var refused *parley.Error
		if err := calls["DeleteMessage"](s.room); !errors.As(err, &refused) ||
			refused.Code != parley.Throttled || refused.Limit != 2 || refused.Resource.ID != s.room.ID {
			t.Errorf("a third delete: %+v, want throttled with the limit and the room", err)
		}
	})
}
