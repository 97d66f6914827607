package store

import (
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// A leader is believed only while most servers follow it.
func TestLeaderIsConfirmed(t *testing.T) {
	tests := []struct {
		name, group string
		want        bool
	}{
		{"one server", `null`, true},
		{"one server of a cluster", `{"leader_since":"2026-01-02T03:04:05Z"}`, true},
		{"all follow", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":1000000,"current":true},{"active":2000000,"current":true}]}`, true},
		{"one follows, the other is gone", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":2999999999,"current":false},{"active":60000000000,"current":false}]}`, true},
		{"one was heard of at this moment", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":0,"current":true},{"active":60000000000,"current":false}]}`, true},
		{"none follows for too long", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":3000000000,"current":true},{"active":3000000000,"current":true}]}`, false},
		{"none was ever heard of", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":0,"current":false},{"active":0,"current":false}]}`, false},
		{"another server answers", `{"replicas":[
			{"active":1000000,"current":true},{"active":2000000,"current":true}]}`, false},
		{"half of four", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":1000000,"current":true},{"active":60000000000},{"active":60000000000}]}`, false},
		{"three of five", `{"leader_since":"2026-01-02T03:04:05Z","replicas":[
			{"active":1000000,"current":true},{"active":1000000,"current":true},
			{"active":60000000000},{"active":60000000000}]}`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var g *group
			if err := json.Unmarshal([]byte(test.group), &g); err != nil {
				t.Fatal(err)
			}
			if err := g.confirm(); (err == nil) != test.want {
				t.Errorf("confirm() of %s = %v, want an error %v", test.group, err, !test.want)
			}
		})
	}
}

// Whoever comes while a run is under way needs another one, which all who wait share.
func TestRoundsAreShared(t *testing.T) {
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
	within(t, "somebody waits for the next run", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.next != nil
	})
	close(release)
	if err := <-first; err != nil {
		t.Errorf("join() = %v, want nil", err)
	}
	wg.Wait()
	if n := runs.Load(); n < 2 || n > callers/2 {
		t.Errorf("%d callers had %d runs, want them to share a few", callers+1, n)
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
