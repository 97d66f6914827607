package store

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Whoever comes while a run is under way needs another one, which all who wait share.
func TestRoundsAreShared(t *testing.T) { synctest.Test(t, testRoundsAreShared) }

func testRoundsAreShared(t *testing.T) {
	r := newRounds()
	var runs atomic.Int64
	running, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- r.join(t.Context(), func() error {
			runs.Add(1)
			close(running)
			<-release
			return nil
		})
	}()
	<-running
	const callers = 50
	refused := errors.New("refused")
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			err := r.join(t.Context(), func() error {
				runs.Add(1)
				return refused
			})
			if !errors.Is(err, refused) {
				t.Errorf("join() = %v, want what the run returned that began after it", err)
			}
		})
	}
	synctest.Wait() // until all wait for the next run
	close(release)
	if err := <-first; err != nil {
		t.Errorf("join() = %v, want nil", err)
	}
	wg.Wait()
	if n := runs.Load(); n != 2 {
		t.Errorf("%d callers had %d runs, want all but the first to share one", callers+1, n)
	}
}

// A run that ends in a panic holds nobody up.
func TestRoundThatPanics(t *testing.T) {
	r := newRounds()
	func() {
		defer func() { _ = recover() }()
		_ = r.join(t.Context(), func() error { panic("broken") })
	}()
	if err := r.join(t.Context(), func() error { return nil }); err != nil {
		t.Errorf("join() after a panic = %v, want nil", err)
	}
}
