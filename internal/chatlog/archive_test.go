package chatlog_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/chatlog"
	"github.com/parley-chat/parley/internal/chatlog/awstest"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/wire"
)

// readBack returns the contents that are read of a room.
func (s *stage) readBack(t *testing.T, room parley.ARN, f chatlog.Filter, names ...string) (all []string) {
	t.Helper()
	var archives []chatlog.Archive
	for _, name := range names {
		archives = append(archives, chatlog.Folder(filepath.Join(s.folder, "s3", name)))
	}
	err := chatlog.Read(t.Context(), archives, room, f, func(record []byte) error {
		var r struct {
			Payload struct{ Content, EventName string } `json:"payload"`
		}
		err := json.Unmarshal(record, &r)
		all = append(all, r.Payload.Content+r.Payload.EventName)
		return err
	})
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return all
}

// TestReadBack logs a room to two buckets over a quarter of an hour, out of order.
func TestReadBack(t *testing.T) {
	s := start(t, nil)
	a, b := s.create(parley.DestinationS3, "bucket-a"), s.create(parley.DestinationS3, "bucket-b")
	room, other := world.NewRoomARN(), world.NewRoomARN()
	first := time.Now().Add(-20 * time.Minute).Truncate(5 * time.Minute)
	minutes := func(m int) time.Time { return first.Add(time.Duration(m) * time.Minute) }
	s.Append([]hub.Record{
		message(room, "12", minutes(12), a, b), message(room, "0", minutes(0), a), message(room, "7", minutes(7), b),
		message(other, "other", minutes(5), a, b), message(room, "4", minutes(4), a, b),
		{Room: room, Configurations: []parley.ARN{b}, Event: true, At: minutes(2),
			Frame: wire.EncodeEvent(parley.Event{ID: parley.NewID(), Name: "e2", SendTime: minutes(2)})},
	})
	all := []string{"0", "e2", "4", "7", "12"}
	eventually(t, func() error {
		return wantSame(s.readBack(t, room, chatlog.Filter{}, "bucket-a", "bucket-b"), all)
	})
	for _, tt := range []struct {
		name   string
		filter chatlog.Filter
		want   []string
	}{
		{"from", chatlog.Filter{From: minutes(4)}, []string{"4", "7", "12"}},
		{"to", chatlog.Filter{To: minutes(4)}, []string{"0", "e2"}},
		{"between", chatlog.Filter{From: minutes(1), To: minutes(8)}, []string{"e2", "4", "7"}},
		{"events", chatlog.Filter{Type: "EVENT"}, []string{"e2"}},
		{"messages", chatlog.Filter{Type: "MESSAGE", From: minutes(1)}, []string{"4", "7", "12"}},
		{"nothing", chatlog.Filter{From: minutes(13)}, nil},
	} {
		if got := s.readBack(t, room, tt.filter, "bucket-a", "bucket-b"); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := s.readBack(t, room, chatlog.Filter{}, "bucket-a"); !slices.Equal(got, []string{"0", "4", "12"}) {
		t.Errorf("of one bucket: %q", got)
	}
	if got := s.readBack(t, world.NewRoomARN(), chatlog.Filter{}, "bucket-a", "none"); len(got) > 0 {
		t.Errorf("of a room without a log: %q", got)
	}
}

func TestReadBackOfDamagedObjects(t *testing.T) {
	folder := t.TempDir()
	room := world.NewRoomARN()
	path := filepath.Join(folder, "AWSLogs", room.Account, "IVSChatLogs", "1.0", room.Region,
		"room_"+room.ID, "2026", "03", "01", "10")
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("%s_IVSChatLogs_1.0_%s_room_%s_20260301T1000Z_00000000.log.gz",
		room.Account, room.Region, room.ID)
	if err := os.WriteFile(filepath.Join(path, name), []byte("no gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := chatlog.Read(t.Context(), []chatlog.Archive{chatlog.Folder(folder)}, room, chatlog.Filter{},
		func([]byte) error { return nil })
	if err == nil {
		t.Error("a file that is no object was read")
	}
}

func TestArchiveOfAnAPI(t *testing.T) {
	d := chatlog.NewDestinations(t.TempDir(), toAPIs(awstest.Start(t, nil, nil)))
	_, err := d.Archive(t.Context(), "us-east-1",
		parley.Destination{Kind: parley.DestinationFirehose, Name: "stream"})
	if !errors.Is(err, chatlog.ErrNoArchive) {
		t.Errorf("Archive of a delivery stream: %v, want ErrNoArchive", err)
	}
}
