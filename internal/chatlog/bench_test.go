package chatlog_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/chatlog"
	"github.com/parley-chat/parley/internal/hub"
	"github.com/parley-chat/parley/internal/metrics"
)

// BenchmarkAppend is what a message of a logged room waits for, and BenchmarkDeliver
// what else it costs: to write it into an object in a folder. Both count a message.
func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 64} {
		for _, n := range []int{1, 3} {
			b.Run(fmt.Sprintf("batch=%d/configurations=%d", batch, n), func(b *testing.B) {
				l, records := benchLogger(b, time.Hour, n)
				b.ReportAllocs()
				for i := 0; i < b.N; i += batch {
					l.Append(records[:min(batch, b.N-i)])
				}
			})
		}
	}
}

func BenchmarkDeliver(b *testing.B) {
	l, records := benchLogger(b, time.Hour, 1)
	for i := 0; i < b.N; i += len(records) {
		l.Append(records[:min(len(records), b.N-i)])
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := l.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// benchLogger returns a logger, and records of a room with n configurations.
func benchLogger(b *testing.B, window time.Duration, n int) (*chatlog.Logger, []hub.Record) {
	b.Helper()
	dir, known := b.TempDir(), &configurations{}
	var arns []parley.ARN
	for i := range n {
		arns = append(arns, known.create(parley.DestinationS3, fmt.Sprint("bucket-", i)))
	}
	l, err := chatlog.Open(b.Context(), chatlog.Config{
		Configurations: known, Destinations: chatlog.NewDestinations(filepath.Join(dir, "logs"), nil),
		QueueDir: filepath.Join(dir, "queue"), Window: window, QueueAge: 24 * time.Hour,
		QueueBytes: 16 << 30, Metrics: metrics.New(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // delivers nothing
		_ = l.Close(ctx)
	})
	words := strings.Fields("hello chat this stream is great lol what a play wow nice one really like it")
	room := world.NewRoomARN()
	var records []hub.Record
	for range 64 {
		var content []string
		for range 30 {
			content = append(content, words[rand.IntN(len(words))])
		}
		records = append(records, message(room, strings.Join(content, " "), time.Now(), arns...))
	}
	return l, records
}
