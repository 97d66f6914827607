package app

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley/internal/export"
	"github.com/parley-chat/parley/internal/metrics"
)

// openExports starts telling other systems what they are to be told: traces, events
// and metrics.
func (a *App) openExports(ctx context.Context, cfg Config) error {
	if err := a.openTracing(cfg); err != nil {
		return err
	}
	settings, err := cfg.Exports.Load(cfg.Path)
	if err != nil {
		return err
	}
	settings.Metrics, settings.Log = a.metrics, a.log
	if a.exporter, err = export.New(ctx, settings); err != nil {
		return fmt.Errorf("start exports: %w", err)
	}
	if settings.EventBridge != nil || settings.Webhook != nil {
		a.notices = a.exporter.Notify
	}
	a.metrics.WatchExports(a.exports)
	return nil
}

// exports returns what became of what is sent to other systems.
func (a *App) exports() []metrics.Export {
	states := a.exporter.State()
	if a.traces != nil {
		states = append(states, a.traces.State())
	}
	return states
}

// closeExports sends what waits to be sent.
func (a *App) closeExports() {
	if a.traces != nil {
		a.traces.Close()
	}
	if a.exporter != nil {
		a.exporter.Close()
	}
}
