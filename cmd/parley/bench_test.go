package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/load"
	"github.com/parley-chat/parley/internal/parleytest"
)

// TestBenchScripts runs the scripts of testdata/bench beside three servers: one
// enforces quotas, and one has a data folder.
func TestBenchScripts(t *testing.T) {
	free := parleytest.Start(t, func(cfg *app.Config) { cfg.Quotas = parley.NoQuotas })
	strict := parleytest.Start(t, func(cfg *app.Config) {
		cfg.Limits = map[string]int{string(parley.QuotaConnections): 5}
	})
	data := t.TempDir()
	kept := parleytest.Start(t, func(cfg *app.Config) {
		cfg.Dev, cfg.Data, cfg.Quotas = false, data, parley.NoQuotas
	})
	testscript.Run(t, testscript.Params{
		Dir: "testdata/bench",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SERVER", free.URL)
			env.Setenv("ADMIN", free.Admin)
			env.Setenv("STRICT", strict.URL)
			env.Setenv("KEPT", kept.URL)
			env.Setenv("DATA", data)
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			return nil
		},
	})
}

func TestNumber(t *testing.T) {
	for n, want := range map[float64]string{
		0: "0", 1.5: "1.5", 99.94: "99.9", 100: "100", 999.6: "1,000", 1234567.8: "1,234,568",
		1e9: "1,000,000,000",
	} {
		if got := number(n); got != want {
			t.Errorf("number(%v) = %q, want %q", n, got, want)
		}
	}
}

func TestProgressLine(t *testing.T) {
	for _, tt := range []struct {
		p    load.Progress
		want string
	}{
		{load.Progress{Doing: load.Connecting, Sessions: 20, Of: 100, Unit: "messages/s"},
			"connecting: 20 of 100 sessions, 0 messages/s"},
		{load.Progress{Doing: load.Measuring, Sessions: 5, Of: 5, PerSecond: 1000, Unit: "messages/s",
			DeliveriesPerSecond: 5000, P99: 1234567, Lost: 3},
			"measuring: 5 of 5 sessions, 1,000 messages/s, 5,000 deliveries/s, p99 1.23ms, 3 lost"},
	} {
		if got := progressLine(tt.p); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
