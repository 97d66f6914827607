package app

import (
	"fmt"
	"log/slog"

	"github.com/parley-chat/parley/internal/metrics"
	"github.com/parley-chat/parley/internal/review"
)

// OpenReviewer returns what decides on the messages of rooms that have a review handler.
// It has to be closed.
func (c Config) OpenReviewer(m *metrics.Metrics, log *slog.Logger) (*review.Reviewer, error) {
	return review.New(c.Review, c.path, m, log)
}

// reloadReviewer takes the review targets from cfg.
func (a *App) reloadReviewer(cfg Config) error {
	if err := a.review.Reload(cfg.Review, cfg.path); err != nil {
		return fmt.Errorf("the review targets in force stay in force: %w", err)
	}
	return nil
}
