package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"

	"github.com/parley-chat/parley/internal/load"
)

// limitVariable has the limitRole of a process, as JSON.
const limitVariable = "PARLEY_BENCH_LIMIT"

// limitRole says what the server of the physical limit does, or its load.
type limitRole struct {
	// For the server: see limitServer.
	Sessions, FrameBytes, Batch int

	// For the load: the server, its process, and what to do.
	Server netip.AddrPort
	PID    int
	Config load.FanoutConfig
}

func serveLimitRole(ctx context.Context, role string) error {
	var r limitRole
	if err := json.Unmarshal([]byte(os.Getenv(limitVariable)), &r); err != nil {
		return fmt.Errorf("%s: %w", limitVariable, err)
	}
	if role == roleLimit {
		s := limitServer{sessions: r.Sessions, frameBytes: r.FrameBytes, batch: r.Batch}
		return s.serve(func(port int) {
			fmt.Printf("%shttp://127.0.0.1:%d\n", readyPrefix, port)
		})
	}
	result, err := load.Raw(ctx, r.Server, load.ProcessProbe{PID: r.PID}, r.Config, nil)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}
