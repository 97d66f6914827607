package store

import "github.com/parley-chat/parley/internal/store/bus"

// Stats is how the store and its engine are.
type Stats struct {
	CanSave bool   // the engine takes changes: it answers, and the node is not cut off
	Bytes   uint64 // that the engine keeps, in memory and on disk; 0 when it does not say
	Entries uint64 // the same in messages of the engine
	Errors  uint64 // requests that it refused, since the start
	Slow    int64  // connections that it cut off since they read too slowly

	Bus BusStats
}

// BusStats is what happened to the events of rooms.
type BusStats = bus.Stats

// Stats returns how the store is now.
func (s *Store) Stats() Stats {
	_, fault := s.health.state()
	if s.engine.Shared() {
		fault = s.engine.Fault()
	}
	stats := Stats{Bus: s.bus.Stats()}
	if fault != nil {
		return stats // the engine may not answer
	}
	engine, err := s.engine.Stats()
	stats.CanSave = err == nil && s.bus.Ready() == nil
	stats.Bytes, stats.Entries = engine.Bytes, engine.Entries
	stats.Errors, stats.Slow = engine.Errors, engine.Slow
	return stats
}
