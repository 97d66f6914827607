package parley_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley"
)

func TestTokenRequestLimits(t *testing.T) {
	request := func(userID string, minutes int, attribute string) parley.TokenRequest {
		return parley.TokenRequest{UserID: userID, SessionMinutes: minutes,
			Attributes: map[string]string{"key": attribute}}
	}
	tests := []struct {
		name    string
		request parley.TokenRequest
		want    string // the failure, or empty
	}{
		{"smallest", request("u", 1, ""), ""},
		{"largest", request(strings.Repeat("😀", 128), 180, strings.Repeat("v", 1021)), ""},
		{"no user id", request("", 60, ""), "Value at 'userId' failed to satisfy constraint: " +
			"Member must have length greater than or equal to 1"},
		{"user id too long", request(strings.Repeat("u", 129), 60, ""),
			"Value at 'userId' failed to satisfy constraint: " +
				"Member must have length less than or equal to 128"},
		{"no session", request("u", 0, ""),
			"Value '0' at 'sessionDurationInMinutes' failed to satisfy constraint: " +
				"Member must have value greater than or equal to 1"},
		{"session too long", request("u", 181, ""),
			"Value '181' at 'sessionDurationInMinutes' failed to satisfy constraint: " +
				"Member must have value less than or equal to 180"},
		{"attributes too large", request("u", 60, strings.Repeat("v", 1022)),
			"Value at 'attributes' failed to satisfy constraint: " +
				"Keys and values must have at most 1024 bytes in total"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var check parley.Check
			test.request.Check(&check)
			wantFailure(t, test.name, &check, test.want)
		})
	}
}

// TestNewTokenTimes checks that the expiry times are what a caller is told, in
// whole seconds, and never later than promised.
func TestNewTokenTimes(t *testing.T) {
	second := time.Date(2026, 3, 9, 18, 42, 7, 0, time.UTC)
	east := time.FixedZone("east", 5*3600+1800)
	tests := []struct {
		name    string
		now     time.Time
		minutes int
		ends    time.Time // the session
	}{
		{"on the second", second, 60, second.Add(time.Hour)},
		{"1 ns after", second.Add(1), 60, second.Add(time.Hour)},
		{"1 ns before the next", second.Add(999_999_999), 1, second.Add(time.Minute)},
		{"longest session", second.Add(500_000_000), 180, second.Add(3 * time.Hour)},
		{"other time zone", second.In(east), 60, second.Add(time.Hour)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			request := parley.TokenRequest{SessionMinutes: test.minutes}
			got := parley.NewToken(request, test.now)
			want := parley.Token{IssuedAt: test.now.UTC(), ExpiresAt: second.Add(time.Minute),
				SessionExpiresAt: test.ends}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(parley.Token{}, "ID")); diff != "" {
				t.Errorf("token made at %v (-want +got):\n%s", test.now, diff)
			}
			for _, at := range []time.Time{got.IssuedAt, got.ExpiresAt, got.SessionExpiresAt} {
				if at.Location() != time.UTC {
					t.Errorf("%v is not in UTC", at)
				}
			}
			if life := got.ExpiresAt.Sub(test.now); life > time.Minute || life <= time.Minute-time.Second {
				t.Errorf("made at %v the token lives %v, want at most 1m and over 59s", test.now, life)
			}
		})
	}
}

func TestNewTokenHasWhatWasAskedForAndAFreshID(t *testing.T) {
	request := parley.TokenRequest{
		Room:           parley.World{Region: "eu-west-1", Account: "123456789012"}.NewRoomARN(),
		UserID:         "ana",
		Attributes:     map[string]string{"displayName": "Ana"},
		Capabilities:   parley.SendMessage | parley.DeleteMessage,
		SessionMinutes: 60,
	}
	a, b := parley.NewToken(request, time.Now()), parley.NewToken(request, time.Now())
	want := parley.Token{Room: request.Room, UserID: request.UserID, Attributes: request.Attributes,
		Capabilities: request.Capabilities}
	ignored := cmpopts.IgnoreFields(parley.Token{}, "ID", "IssuedAt", "ExpiresAt", "SessionExpiresAt")
	if diff := cmp.Diff(want, a, ignored); diff != "" {
		t.Errorf("wrong token (-want +got):\n%s", diff)
	}
	if a.ID == b.ID || a.ID == (parley.TokenID{}) {
		t.Errorf("two tokens have the ids %v and %v, want two that are not zero", a.ID, b.ID)
	}
}

func TestTokenIDIsWrittenInHexadecimal(t *testing.T) {
	id := parley.TokenID{0x00, 0x0f, 0xf0, 15: 0xff}
	if got, want := id.String(), "000ff0000000000000000000000000ff"; got != want {
		t.Errorf("token id %v is written as %q, want %q", [16]byte(id), got, want)
	}
}

func TestParseCapabilities(t *testing.T) {
	const enum = "Member must satisfy enum value set: [SEND_MESSAGE, DISCONNECT_USER, DELETE_MESSAGE]"
	tests := []struct {
		names   []string
		want    parley.Capabilities
		wantErr string
	}{
		{nil, 0, ""},
		{[]string{"SEND_MESSAGE"}, parley.SendMessage, ""},
		{[]string{"DELETE_MESSAGE"}, parley.DeleteMessage, ""},
		{[]string{"DISCONNECT_USER"}, parley.DisconnectUser, ""},
		{[]string{"SEND_MESSAGE", "SEND_MESSAGE"}, parley.SendMessage, ""},
		{[]string{"DISCONNECT_USER", "SEND_MESSAGE", "DELETE_MESSAGE"},
			parley.SendMessage | parley.DeleteMessage | parley.DisconnectUser, ""},
		{[]string{"SEND_MESSAGE", "send_message"}, parley.SendMessage,
			"Value 'send_message' at 'capabilities' failed to satisfy constraint: " + enum},
		{[]string{""}, 0, "Value '' at 'capabilities' failed to satisfy constraint: " + enum},
		{[]string{"VIEW", "SEND_MESSAGE", "ADMIN"}, parley.SendMessage, // the list counts as one member
			"Value 'VIEW' at 'capabilities' failed to satisfy constraint: " + enum},
	}
	for _, test := range tests {
		var check parley.Check
		if got := parley.ParseCapabilities(&check, "capabilities", test.names); got != test.want {
			t.Errorf("ParseCapabilities(%q) = %b, want %b", test.names, got, test.want)
		}
		wantFailure(t, test.names, &check, test.wantErr)
	}
}

func TestCapabilitiesHas(t *testing.T) {
	both := parley.SendMessage | parley.DeleteMessage
	tests := []struct {
		set, want parley.Capabilities
		has       bool
	}{
		{0, parley.SendMessage, false},
		{0, 0, true},
		{both, 0, true},
		{both, parley.SendMessage, true},
		{both, both, true},
		{both, parley.DisconnectUser, false},
		{both, parley.SendMessage | parley.DisconnectUser, false},
	}
	for _, test := range tests {
		if got := test.set.Has(test.want); got != test.has {
			t.Errorf("set %03b has %03b: got %t, want %t", test.set, test.want, got, test.has)
		}
	}
}
