package app

import "fmt"

// reloadReviewer takes the review targets from cfg.
func (a *App) reloadReviewer(cfg Config) error {
	if err := a.review.Reload(cfg.Review, cfg.Path); err != nil {
		return fmt.Errorf("the review targets in force stay in force: %w", err)
	}
	return nil
}
