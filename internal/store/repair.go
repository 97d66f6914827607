package store

import (
	"context"
	"sync"
	"time"
)

const (
	minRepairPause = time.Second
	maxRepairPause = 30 * time.Second
	repairTimeout  = 10 * time.Second // of one attempt
)

// health says whether the engine can save.
type health struct {
	mu     sync.Mutex    // guards what follows
	fault  error         // nil while it can
	broken chan struct{} // closed when it no longer can
}

func newHealth() *health { return &health{broken: make(chan struct{})} }

// state returns a channel that is closed when the engine can save no longer, and
// why it cannot now.
func (h *health) state() (broken <-chan struct{}, fault error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.broken, h.fault
}

func (h *health) failed(fault error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = fault
	close(h.broken)
}

func (h *health) recovered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = nil
	h.broken = make(chan struct{})
}

// repairWhenBroken looks at the engine whenever there is reason to, until run
// ends. While the engine cannot save, because the disk is full for instance,
// writes are refused at once, and it tries again and again to make it work.
func (s *Store) repairWhenBroken(run context.Context) {
	for {
		select {
		case <-run.Done():
			return
		case <-s.engine.Trouble():
		}
		if fault := s.engine.Fault(); fault != nil && run.Err() == nil {
			s.health.failed(fault)
			s.log.Error("the store cannot save", "err", fault)
			s.repair(run)
		}
	}
}

func (s *Store) repair(run context.Context) {
	for wait := minRepairPause; ; wait = min(2*wait, maxRepairPause) {
		err := s.tryRepair(run)
		if err == nil {
			s.health.recovered()
			s.log.Info("the store can save again")
			return
		}
		s.log.Warn("the store still cannot save", "err", err)
		if !pause(run, wait) {
			return
		}
	}
}

// tryRepair opens the engine's streams anew once the disk takes files again. That
// loses the marks of used tokens, so tokens issued before are refused from then on.
func (s *Store) tryRepair(run context.Context) error {
	ctx, cancel := context.WithTimeout(run, repairTimeout)
	defer cancel()
	if err := s.engine.Probe(); err != nil {
		return err
	}
	s.marks.Lose() // before any new mark can be made
	if err := s.engine.Reopen(); err != nil {
		return err
	}
	if err := s.marks.Open(ctx); err != nil {
		return err
	}
	return s.engine.Fault()
}
