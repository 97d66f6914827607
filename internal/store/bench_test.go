package store_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

const manyRooms = 50_000 // the documented quota of an account and region

// createMany fills an account with rooms, each with as many logging configurations
// as it may have.
func createMany(b *testing.B, s *store.Store) {
	b.Helper()
	const workers = 8
	var named []parley.ARN
	for range parley.MaxRoomLoggingConfigurations {
		named = append(named, configurations.create(b, s).ARN)
	}
	for _, err := range inParallel(workers, func(i int) error {
		for n := i; n < manyRooms; n += workers {
			name := fmt.Sprint("room-", n)
			room := newRoom(parley.RoomChange{Name: &name, LoggingConfigurations: &named})
			if err := s.CreateRoom(b.Context(), room, 0); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen loads the rooms of a full account. At most 2 s are allowed.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	start := time.Now()
	createMany(b, s)
	b.Logf("saved %.0f rooms/s", manyRooms/time.Since(start).Seconds())
	closeStore(b, s)
	for b.Loop() {
		s := open(b, dir)
		if _, more := s.ListRooms(world, parley.Cursor{}, manyRooms-1, all); !more {
			b.Fatal("not all rooms are loaded")
		}
		b.StopTimer()
		closeStore(b, s)
		b.StartTimer()
	}
}

// BenchmarkListRooms reads pages of a full account. At most 5 ms are allowed.
func BenchmarkListRooms(b *testing.B) {
	s := open(b, "")
	createMany(b, s)
	half, _ := s.ListRooms(world, parley.Cursor{}, manyRooms/2, all)
	pages := []struct {
		name  string
		after parley.Cursor
		match func(parley.Room) bool
	}{
		{"first", parley.Cursor{}, all},
		{"middle", rooms.cursor(half[len(half)-1]), all},
		{"without a match", parley.Cursor{}, func(r parley.Room) bool { return r.Name == "none" }},
	}
	for _, page := range pages {
		b.Run(page.name, func(b *testing.B) {
			for b.Loop() {
				s.ListRooms(world, page.after, 50, page.match)
			}
		})
	}
}

// BenchmarkDeleteConfigurationInUse asks for what a full account refuses.
func BenchmarkDeleteConfigurationInUse(b *testing.B) {
	s := open(b, "")
	createMany(b, s)
	used, _ := s.ListLoggingConfigurations(world, parley.Cursor{}, 1)
	for b.Loop() {
		if err := s.DeleteLoggingConfiguration(b.Context(), used[0].ARN); err == nil {
			b.Fatal("a configuration in use was deleted")
		}
	}
}

// BenchmarkOpenEmpty is the store's part of the time until a server is ready.
func BenchmarkOpenEmpty(b *testing.B) {
	for _, mode := range []string{"memory", "file"} {
		b.Run(mode, func(b *testing.B) {
			for b.Loop() {
				dir := ""
				if mode == "file" {
					dir = b.TempDir()
				}
				s := open(b, dir)
				b.StopTimer()
				closeStore(b, s)
				_ = os.RemoveAll(dir)
				b.StartTimer()
			}
		})
	}
}

func BenchmarkCreateRoom(b *testing.B) {
	for _, mode := range []string{"memory", "file"} {
		b.Run(mode, func(b *testing.B) {
			dir := ""
			if mode == "file" {
				dir = b.TempDir()
			}
			s := open(b, dir)
			for b.Loop() {
				if err := s.CreateRoom(b.Context(), newRoom(parley.RoomChange{}), 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRedeem(b *testing.B) {
	s := open(b, "")
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.Redeem(b.Context(), newToken(), "a"); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkBus(b *testing.B) {
	s := open(b, "")
	room := world.NewRoomARN()
	event := make([]byte, 300)
	arrived := make(chan struct{}, 1000) // bounds what is on its way, as the hub does
	stop, err := s.Subscribe(b.Context(), room, func([]byte) { <-arrived })
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	for b.Loop() {
		arrived <- struct{}{}
		if err := s.Publish(b.Context(), room, event); err != nil {
			b.Fatal(err)
		}
	}
}
