package fanout

// timers is a heap of sessions by when they are due.
type timers []*Session

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].due < t[j].due }

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].seat.place, t[j].seat.place = int32(i), int32(j)
}

// Push implements heap.Interface.
func (t *timers) Push(x any) {
	s := x.(*Session)
	s.seat.place = int32(len(*t))
	*t = append(*t, s)
}

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	last := len(*t) - 1
	s := (*t)[last]
	(*t)[last] = nil
	*t = (*t)[:last]
	return s
}
