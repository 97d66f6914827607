package control_test

import (
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley"
)

func TestCreateChatTokenSealsWhatWasAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(nil, aRoom())
		now := time.Now().UTC() // a whole second: the bubble's clock stands still
		body := object(
			member("roomIdentifier", roomARN),
			member("userId", "usér <1>"),
			member("capabilities", []string{"SEND_MESSAGE", "DELETE_MESSAGE", "SEND_MESSAGE"}),
			member("sessionDurationInMinutes", 30),
			`"attributes":{"displayName":"Jos\u00e9"}`)
		w := s.call(t, owner, "CreateChatToken", body)
		want := `{"token":"sealed<&>.text","tokenExpirationTime":"2000-01-01T00:01:00Z",` +
			`"sessionExpirationTime":"2000-01-01T00:30:00Z"}`
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: status %d, body %s, want 200 %s", body, w.Code, w.Body, want)
		}
		got := s.sealer.sealed
		if got.ID == (parley.TokenID{}) {
			t.Error("the token has no id")
		}
		got.ID = parley.TokenID{}
		wantToken := parley.Token{
			Room:             aRoom().ARN,
			UserID:           "usér <1>",
			Attributes:       map[string]string{"displayName": "José"},
			Capabilities:     parley.SendMessage | parley.DeleteMessage,
			IssuedAt:         now,
			ExpiresAt:        now.Add(time.Minute),
			SessionExpiresAt: now.Add(30 * time.Minute),
		}
		if !reflect.DeepEqual(got, wantToken) {
			t.Errorf("sealed %+v, want %+v", got, wantToken)
		}
	})
}

func TestChatTokenDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(nil, aRoom())
		answer := s.must(t, "CreateChatToken", valid("CreateChatToken"))
		if got, want := answer["sessionExpirationTime"], "2000-01-01T01:00:00Z"; got != want {
			t.Errorf("session of the default length ends at %v, want %s", got, want)
		}
		if got := s.sealer.sealed; got.Capabilities != 0 || len(got.Attributes) != 0 {
			t.Errorf("default token %+v, want no capabilities and no attributes", got)
		}
	})
}

func TestNumberAsUserIDIsItsText(t *testing.T) {
	s := start(nil, aRoom())
	s.must(t, "CreateChatToken", object(member("roomIdentifier", roomARN), `"userId":11231234`))
	if got := s.sealer.sealed.UserID; got != "11231234" {
		t.Errorf("user id %q, want 11231234", got)
	}
}
