package app

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/chatlog"
	"github.com/parley-chat/parley/internal/control"
)

// defaultLogGrace is how long the delivery of chat logs may take at the end when
// nothing is set.
const defaultLogGrace = 10 * time.Second

// openLogs starts the delivery of chat logs.
func (a *App) openLogs(ctx context.Context, cfg Config) error {
	a.logGrace = cfg.Logs.Grace
	if a.logGrace == 0 {
		a.logGrace = defaultLogGrace
	}
	destinations, err := cfg.LogDestinations(a.data.logDir())
	if err != nil {
		return err
	}
	a.logs, err = chatlog.Open(ctx, chatlog.Config{
		Configurations: a.store, Destinations: destinations,
		QueueDir:   filepath.Join(a.data.logDir(), "log-queue"),
		QueueBytes: cfg.Logs.QueueBytes, QueueAge: cfg.Logs.QueueAge,
		Window: cfg.Logs.Window, Flush: cfg.Logs.Flush,
		Metrics: a.metrics, Log: a.log,
	})
	return err
}

// prober returns what looks for destinations, or nil when they are not to be looked
// for.
func (a *App) prober(cfg Config) control.Prober {
	if cfg.Logs.Probe {
		return a.logs
	}
	return nil
}

// reloadLogs takes the destinations from cfg.
func (a *App) reloadLogs(cfg Config) error {
	destinations, err := cfg.LogDestinations(a.data.logDir())
	if err != nil {
		return fmt.Errorf("the log destinations in force stay in force: %w", err)
	}
	a.logs.Reload(destinations)
	return nil
}

// closeLogs has what waits delivered, within the grace period, or until ctx is done.
func (a *App) closeLogs(ctx context.Context) error {
	if a.logs == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, a.logGrace)
	defer cancel()
	return a.logs.Close(ctx)
}

// LogReport says how the chat logs are doing, as the admin listener serves it under
// /logs.
type LogReport struct {
	LoggingConfigurations []LogStatus `json:"logging_configurations"`
}

// LogStatus is a logging configuration and how its logs are doing on this node. One
// that has logged nothing since the start has only its name and destination.
type LogStatus struct {
	ConfigurationName string `json:"configuration_name,omitempty"`
	chatlog.Status
}

// maxListed is how many configurations of an account and region a report has.
const maxListed = 1000

// serveLogs answers with a LogReport.
func (a *App) serveLogs(w http.ResponseWriter, r *http.Request) {
	report := LogReport{LoggingConfigurations: []LogStatus{}}
	running := a.logs.Status()
	for _, account := range a.keys.accounts() {
		for _, region := range a.regions {
			found, _ := a.store.ListLoggingConfigurations(r.Context(),
				parley.World{Region: region, Account: account}, parley.Cursor{}, maxListed)
			for _, c := range found {
				status, ok := running[c.ARN]
				if !ok {
					status = chatlog.Status{LoggingConfiguration: c.ARN.String(),
						Kind: c.Destination.Kind, Name: c.Destination.Name}
				}
				delete(running, c.ARN)
				report.LoggingConfigurations = append(report.LoggingConfigurations,
					LogStatus{c.Name, status})
			}
		}
	}
	for _, status := range running { // what is deleted, and not delivered yet
		report.LoggingConfigurations = append(report.LoggingConfigurations, LogStatus{"", status})
	}
	writeJSON(w, http.StatusOK, report)
}
