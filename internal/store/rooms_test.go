package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

func newRoom(change parley.RoomChange) parley.Room {
	return parley.NewRoom(world, change, nil, time.Now())
}

func all(parley.Room) bool { return true }

func ptr[T any](v T) *T { return &v }

func fullRoom() parley.Room {
	return parley.NewRoom(world, parley.RoomChange{
		Name:                    ptr("lobby"),
		MaxMessageLength:        ptr(100),
		MaxMessageRatePerSecond: ptr(7),
		ReviewHandler: &parley.ReviewHandler{
			URI:      "arn:aws:lambda:eu-west-1:123456789012:function:review",
			Fallback: parley.FallbackDeny,
		},
		LoggingConfigurations: &[]parley.ARN{{
			Region: world.Region, Account: world.Account,
			Kind: parley.KindLoggingConfiguration, ID: "abcdefghijkl",
		}},
	}, map[string]string{"größe": "groß", "empty": ""}, time.Now())
}

func fullConfiguration() parley.LoggingConfiguration {
	return parley.NewLoggingConfiguration(world, parley.LoggingConfigurationChange{
		Name: ptr("archive"),
		Destination: &parley.Destination{
			Kind: parley.DestinationCloudWatchLogs, Name: "/chat/lobby",
		},
	}, map[string]string{"größe": "groß", "empty": ""}, time.Now())
}

func testDetachedReviewHandlerIsKept(t *testing.T, s *store.Store) {
	rooms.want(t, s, rooms.mustSave(t, s, newRoom(parley.RoomChange{
		ReviewHandler: &parley.ReviewHandler{Fallback: parley.FallbackAllow},
	})))
}

func testEveryKindOfDestinationIsKept(t *testing.T, s *store.Store) {
	var want []parley.LoggingConfiguration
	for kind := range parley.DestinationKinds {
		l := configurations.fresh()
		l.Destination = parley.Destination{Kind: kind, Name: "name-of-" + string(kind)}
		want = append(want, configurations.mustSave(t, s, l))
	}
	configurations.want(t, s, want...)
}

func testListRoomsThatMatch(t *testing.T, s *store.Store) {
	rooms.createAt(t, s, map[string]int{"a": 1, "b": 3, "c": 3, "d": 3, "e": 4, "f": 2})
	match := func(r parley.Room) bool { return r.ARN.ID < "d" }
	var got, known []string
	for after, more := (parley.Cursor{}), true; more; {
		var page, same []parley.Room
		page, more = s.ListRooms(t.Context(), world, after, 1, match)
		same, _ = s.KnownRooms(world, after, 1, match)
		got, known = append(got, rooms.ids(page)...), append(known, rooms.ids(same)...)
		after = rooms.cursor(page[0])
	}
	if want := []string{"b", "c", "a"}; !slices.Equal(got, want) || !slices.Equal(known, want) {
		t.Errorf("filtered pages: %v, as known: %v, want %v", got, known, want)
	}
}

func TestUnsafeARNHasNoEvents(t *testing.T) {
	s := open(t, "")
	good, other := world.NewRoomARN(), world.NewRoomARN()
	stop, err := s.Subscribe(t.Context(), good, func(event []byte) {
		t.Errorf("event %q arrived through an unsafe ARN", event)
	}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, arn := range unsafeARNs(good) {
		_, err := s.Subscribe(t.Context(), arn, func(event []byte) {
			t.Errorf("%q receives %q", arn, event)
		}, func() {})
		wantCode(t, fmt.Sprintf("Subscribe(%q)", arn), err, parley.Invalid)
		err = s.Publish(t.Context(), arn, []byte("x"))
		wantCode(t, fmt.Sprintf("Publish(%q)", arn), err, parley.Invalid)
	}
	arrived := subscribe(t, s, other)
	publish(t, s, other, "other")
	receive(t, arrived, "other")
}
