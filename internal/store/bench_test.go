package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/parleytest/freeport"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/engine"
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
		if _, more := s.ListRooms(b.Context(), world, parley.Cursor{}, manyRooms-1, all); !more {
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
	half, _ := s.ListRooms(b.Context(), world, parley.Cursor{}, manyRooms/2, all)
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
				s.ListRooms(b.Context(), world, page.after, 50, page.match)
			}
		})
	}
}

// BenchmarkDeleteConfigurationInUse asks for what a full account refuses.
func BenchmarkDeleteConfigurationInUse(b *testing.B) {
	s := open(b, "")
	createMany(b, s)
	used, _ := s.ListLoggingConfigurations(b.Context(), world, parley.Cursor{}, 1)
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

// BenchmarkRedeemInCluster redeems tokens on all three nodes of a cluster at once. They
// share one machine and its disk.
func BenchmarkRedeemInCluster(b *testing.B) {
	c := openCluster(b, 3)
	markInParallel(b, func(worker int) error {
		return c.nodes[worker%3].Redeem(b.Context(), newToken(), "a")
	})
}

// BenchmarkMarks compares marks in memory and on disk, in the buckets of a cluster of
// three nodes that share one machine and its disk: as many buckets as used tokens have,
// written to through all nodes at once.
func BenchmarkMarks(b *testing.B) {
	for _, storage := range []jetstream.StorageType{jetstream.MemoryStorage, jetstream.FileStorage} {
		b.Run(storage.String(), func(b *testing.B) {
			const buckets = 32
			var nodes [3][buckets]jetstream.KeyValue
			for i, e := range startEngines(b) {
				for j := range buckets {
					nodes[i][j] = openBucket(b, e, storage, fmt.Sprint("marks-", j))
				}
			}
			markInParallel(b, func(worker int) error {
				bucket := nodes[worker%len(nodes)][rand.IntN(buckets)]
				_, err := bucket.Create(b.Context(), newToken().ID.String(), []byte("a"))
				return err
			})
		})
	}
}

// markInParallel has 96 workers mark tokens, and reports how many there were in a second
// and how long one took.
func markInParallel(b *testing.B, mark func(worker int) error) {
	b.Helper()
	const workers = 96
	var next atomic.Int64
	took := make([]time.Duration, b.N)
	b.ResetTimer()
	errs := inParallel(workers, func(worker int) error {
		for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
			start := time.Now()
			if err := mark(worker); err != nil {
				return err
			}
			took[i] = time.Since(start)
		}
		return nil
	})
	b.StopTimer()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "marks/s")
	b.ReportMetric(float64(took[b.N/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[b.N*99/100].Microseconds())/1000, "p99-ms")
}

// startEngines starts the engines of a cluster, without stores on them.
func startEngines(b *testing.B) []*engine.Engine {
	b.Helper()
	at := freeport.Addresses(3)
	engines := make([]*engine.Engine, len(at))
	dirs := []string{b.TempDir(), b.TempDir(), b.TempDir()}
	errs := inParallel(len(at), func(i int) (err error) {
		log, _ := newLog(b)
		engines[i], err = engine.Start(b.Context(), engine.Config{
			Dir: dirs[i], Node: fmt.Sprint("node", i),
			Cluster: &engine.Cluster{Name: "test", Listen: at[i], Join: at},
		}, log)
		return err
	})
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	for _, e := range engines {
		b.Cleanup(e.Stop)
	}
	return engines
}

// openBucket returns a bucket of an engine, made when it is missing.
func openBucket(b *testing.B, e *engine.Engine, storage jetstream.StorageType, name string,
) (kv jetstream.KeyValue) {
	b.Helper()
	conn, err := e.Connect("bench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		b.Fatal(err)
	}
	err = e.Await(b.Context(), name, func(ctx context.Context) (err error) {
		kv, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: name, Storage: storage, Replicas: e.Replicas(), TTL: time.Hour,
		})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return kv
}

func BenchmarkBus(b *testing.B) {
	s := open(b, "")
	room := world.NewRoomARN()
	event := make([]byte, 300)
	arrived := make(chan struct{}, 1000) // bounds what is on its way, as the hub does
	stop, err := s.Subscribe(b.Context(), room, func([]byte) { <-arrived }, func() {})
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
