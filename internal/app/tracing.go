package app

import (
	"runtime/debug"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/otlp"
	"github.com/parley-chat/parley/internal/trace"
)

// defaultSample is the share of requests that are traced when none is set.
const defaultSample = 0.01

// openTracing has requests traced, if they are to be.
func (a *App) openTracing(cfg Config) error {
	settings, err := cfg.Tracing.Load(cfg.Path)
	if err != nil || cfg.Tracing.Endpoint == "" {
		return err
	}
	settings.Version, settings.Instance = version(), parley.NewRequestID()
	settings.Log = a.log
	a.traces = otlp.New(settings)
	sample := cfg.Tracing.Sample
	if sample == 0 {
		sample = defaultSample
	}
	a.tracer = trace.New(sample, a.traces.Take)
	return nil
}

// version returns that of this program, as far as the build knows it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
