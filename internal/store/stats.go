package store

// Stats is how the store and its engine are.
type Stats struct {
	CanSave bool
	Bytes   uint64 // that the engine keeps, in memory and on disk; 0 while it cannot save
	Entries uint64 // the same in messages of the engine
	Errors  uint64 // requests that it refused, since the start
	Slow    int64  // connections that it cut off since they read too slowly

	Waiting   int // room events that arrived and are not delivered yet
	Overflows int // times that room events began to be dropped
}

// Stats returns how the store is now.
func (s *Store) Stats() Stats {
	_, fault := s.health.state()
	stats := Stats{
		CanSave:   fault == nil,
		Slow:      s.engine.server.NumSlowConsumers(),
		Waiting:   len(s.bus.arrivals),
		Overflows: int(s.bus.overflows.Load()),
	}
	if !stats.CanSave {
		return stats // the engine may not answer
	}
	info, err := s.engine.server.Jsz(nil)
	if err != nil || info.Disabled { // it is being repaired
		return stats
	}
	stats.Bytes, stats.Entries, stats.Errors = info.Bytes, info.Messages, info.API.Errors
	return stats
}
