package bus_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/parley-chat/parley/internal/store/bus"
)

// BenchmarkBus carries events of one room to every node, this one included.
func BenchmarkBus(b *testing.B) {
	b.Run("single", func(b *testing.B) {
		benchmarkBus(b, []*bus.Bus{open(b, bus.Config{})})
	})
	for n := range 3 {
		b.Run(fmt.Sprint("cluster=", n+1), func(b *testing.B) {
			benchmarkBus(b, openAll(b, startCluster(b, n+1)...))
		})
	}
}

func benchmarkBus(b *testing.B, nodes []*bus.Bus) {
	const room = "us-east-1.123456789012.abcdefghijkl"
	event := make([]byte, 300)
	arrived := make(chan struct{}, 1000) // bounds what is on its way, as the hub does
	for _, n := range nodes[1:] {
		stop, err := n.Subscribe(context.Background(), room, func([]byte) {}, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer stop()
	}
	stop, err := nodes[0].Subscribe(context.Background(), room, func([]byte) { <-arrived }, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	before := messages(nodes)
	for b.Loop() {
		arrived <- struct{}{}
		if err := nodes[0].Publish(context.Background(), room, event); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(messages(nodes)-before)/float64(b.N), "messages/op")
}

// messages returns how many messages nodes have handed to NATS.
func messages(nodes []*bus.Bus) (n uint64) {
	for _, b := range nodes {
		n += b.Stats().Messages
	}
	return n
}
