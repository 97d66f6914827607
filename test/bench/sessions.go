package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/load"
)

// What is wanted of many sessions.
const (
	wantIdleBytes  = 1536   // resident bytes of an idle session
	wantHandshakes = 10_000 // per CPU-second
	wantBack       = 2.0    // seconds for 10,000 clients to come back
	manySessions   = 10_000
	// idle is how long sessions are idle before their memory is counted: until the marks
	// of their tokens, which are kept for two minutes, are gone, and what the handshakes
	// took is given back.
	idle = "--hold=150s"
)

// measureIdle is about the memory of sessions that do nothing. One run takes minutes,
// and memory varies little.
func (b *bench) measureIdle(ctx context.Context) ([]figure, error) {
	b.progress("%d idle sessions, for some minutes", manySessions)
	r, kernel, err := b.hold(ctx, manySessions)
	if err != nil {
		return nil, err
	}
	return []figure{
		atMost(fmt.Sprintf("e: idle session of %d: resident bytes", manySessions), "%.0f",
			wantIdleBytes, r.ResidentBytesEach),
		{name: "e: idle session: kernel's bytes, both ends",
			measured: fmt.Sprintf("%.0f", float64(kernel)/float64(r.Sessions))},
	}, nil
}

// hold opens sessions on a new server and leaves them idle. It returns the most memory
// that the kernel used for them, too.
func (b *bench) hold(ctx context.Context, sessions int) (
	r *load.ConnectResult, kernel int64, err error,
) {
	err = b.withParley(ctx, b.data(), func(s *server) (err error) {
		// The first sessions of a server bring its code into memory, too.
		if _, err := b.connect(ctx, s, "--clients=200"); err != nil {
			return err
		}
		memory := watchKernel()
		defer func() { kernel = memory.stop() }()
		r, err = b.connect(ctx, s, fmt.Sprintf("--clients=%d", sessions), idle)
		return err
	})
	return r, kernel, err
}

// measureHandshakes is about clients that come all at once.
func (b *bench) measureHandshakes(ctx context.Context) ([]figure, error) {
	var perCPU, micros, back []float64
	for round := range rounds {
		b.progress("run %d of %d: %d handshakes", round+1, rounds, manySessions)
		data := b.data()
		err := b.withParley(ctx, data, func(s *server) error {
			r, err := b.connect(ctx, s, fmt.Sprintf("--clients=%d", manySessions))
			perCPU, micros = append(perCPU, r.HandshakesPerCPU), append(micros, r.ServerCPUMicros)
			return err
		})
		if err != nil {
			return nil, err
		}
		b.progress("run %d of %d: %d clients come back after a restart", round+1, rounds, manySessions)
		err = b.withParley(ctx, data, func(s *server) error {
			r, err := b.fanoutOn(ctx, s, fmt.Sprintf("--receivers=%d", manySessions), "--rate=2")
			back = append(back, r.ConnectSeconds)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return []figure{
		atLeast("f: handshakes per CPU-second", "%.0f", wantHandshakes, median(perCPU)).
			note("%.0f µs each", median(micros)),
		below(fmt.Sprintf("f: %d clients mint and connect after a restart", manySessions), "%.2f s",
			wantBack, median(back)),
	}, nil
}

// measureMany holds as many sessions as this process may have files, and says what a
// million would take if each took as much.
func (b *bench) measureMany(ctx context.Context) ([]figure, error) {
	const million = 1_000_000
	sessions := million
	for ; load.CheckFiles(sessions+spareFiles) != nil; sessions -= spareFiles {
	}
	b.progress("%d sessions, of which the file limit allows no more", sessions)
	held, kernel, err := b.hold(ctx, sessions)
	if err != nil {
		return nil, err
	}
	var r *load.FanoutResult
	err = b.withParley(ctx, b.data(), func(s *server) (err error) {
		r, err = b.fanoutOn(ctx, s, fmt.Sprintf("--receivers=%d", sessions), "--rate=1",
			"--duration=5s", warmUpFlag)
		return err
	})
	if err != nil {
		return nil, err
	}
	scale := million / float64(sessions)
	gigabytes := func(bytes int64) string {
		return fmt.Sprintf("%.1f GB (%.0f bytes each)", scale*float64(bytes)/1e9,
			float64(bytes)/float64(sessions))
	}
	const name = "h: 1,000,000 sessions, by arithmetic: "
	return []figure{
		{name: name + "sessions that were open", measured: fmt.Sprint(sessions)},
		{name: name + "server's memory",
			measured: gigabytes(int64(held.ResidentBytesEach * float64(sessions)))},
		{name: name + "kernel's memory, both ends", measured: gigabytes(kernel)},
		{name: name + "one message to all, one CPU", measured: fmt.Sprintf("%.2f s (%.0f ms for %d)",
			scale*r.LastReceiver.P50/1e3, r.LastReceiver.P50, sessions)},
	}, nil
}

// spareFiles is how many files a server needs beside its sessions, and more.
const spareFiles = 500

// kernelWatch looks for the most memory that the kernel uses for sockets.
type kernelWatch struct {
	done chan struct{}
	all  sync.WaitGroup
	base int64
	most int64 // owned by the goroutine, until all are done
}

// watchEvery is how often the kernel's memory is looked at.
const watchEvery = 100 * time.Millisecond

// watchKernel begins to watch. What is used now does not count.
func watchKernel() *kernelWatch {
	w := &kernelWatch{done: make(chan struct{}), base: kernelMemory()}
	w.all.Go(func() {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		for {
			w.most = max(w.most, kernelMemory()-w.base)
			select {
			case <-ticker.C:
			case <-w.done:
				return
			}
		}
	})
	return w
}

// stop returns the most that was used, in bytes. It is 0 when that is not known.
func (w *kernelWatch) stop() int64 {
	close(w.done)
	w.all.Wait()
	return w.most
}

// kernelMemory returns the bytes that the kernel uses for its objects and for what is
// in sockets, or 0 when it does not tell.
func kernelMemory() int64 {
	memory, err := os.ReadFile("/proc/meminfo")
	sockets, more := os.ReadFile("/proc/net/sockstat")
	if errors.Join(err, more) != nil {
		return 0
	}
	return 1024*numberAfter(string(memory), "Slab:") +
		int64(os.Getpagesize())*numberAfter(lineOf(string(sockets), "TCP:"), "mem")
}
