package store_test

import (
	"testing"

	"github.com/parley-chat/parley"
)

// TestStats has a room saved, of which the statistics must tell.
func TestStats(t *testing.T) {
	s := open(t, t.TempDir())
	before := s.Stats()
	room := parley.Room{ARN: world.NewRoomARN()}
	if err := s.CreateRoom(t.Context(), room, 0); err != nil {
		t.Fatal(err)
	}
	after := s.Stats()
	if !before.CanSave || !after.CanSave || after.Entries != before.Entries+1 || after.Bytes <= before.Bytes {
		t.Errorf("before a room is saved %+v, and after %+v; want one more entry", before, after)
	}
	if after.Bus.Waiting != 0 || after.Bus.Overflows != 0 || after.Slow != 0 {
		t.Errorf("a store at rest has %+v, want no trouble", after)
	}
}
