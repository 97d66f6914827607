package bus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// simulation is a number of places, with a node in each, that publish in rooms and listen
// while everything breaks.
type simulation struct {
	t     *testing.T
	net   *simNet
	rooms []*simRoom

	mu    sync.Mutex // guards what follows
	lives []*simLife // of all nodes there were
	now   []*simLife // by place
}

// simLife is a node from its start to its end.
type simLife struct {
	bus   *Bus
	index int       // in simulation.lives
	died  time.Time // zero: it lives
}

// simRoom has what was published in a room, and what each listener got.
type simRoom struct {
	key string

	mu        sync.Mutex    // guards what follows; held while publishing: so the order is known
	published [][]time.Time // by life: when Publish was called, of those events that it took
	listeners []*simListener
}

type simListener struct {
	life  *simLife
	room  *simRoom
	since time.Time // Subscribe returned
	stop  func()

	mu     sync.Mutex // guards what follows
	got    map[int][]int
	lost   time.Time
	closed bool
}

// newLife starts a node in a place.
func (s *simulation) newLife(place int) {
	b := s.net.open(fmt.Sprint("n", place), 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	life := &simLife{bus: b, index: len(s.lives)}
	s.lives = append(s.lives, life)
	s.now[place] = life
	for _, r := range s.rooms {
		r.mu.Lock()
		r.published = append(r.published, nil)
		r.mu.Unlock()
	}
}

// endLife has a node die, or leave, and another one start in its place.
func (s *simulation) endLife(place int, die bool) {
	s.mu.Lock()
	life := s.now[place]
	life.died = time.Now()
	s.mu.Unlock()
	if die {
		s.net.kill(life.bus)
	}
	life.bus.Close()
	s.newLife(place)
}

func (s *simulation) at(place int) *simLife {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now[place]
}

func (r *simRoom) publish(ctx context.Context, life *simLife) {
	r.mu.Lock()
	defer r.mu.Unlock()
	start := time.Now()
	event := fmt.Appendf(nil, "%d %d", life.index, len(r.published[life.index]))
	if life.bus.Publish(ctx, r.key, event) == nil {
		r.published[life.index] = append(r.published[life.index], start)
	}
}

func (r *simRoom) listen(ctx context.Context, life *simLife) {
	l := &simListener{life: life, room: r, got: map[int][]int{}}
	var err error
	if l.stop, err = life.bus.Subscribe(ctx, r.key, l.deliver, l.lose); err != nil {
		return
	}
	l.since = time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners = append(r.listeners, l)
}

func (l *simListener) deliver(event []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var life, i int
	_, _ = fmt.Sscan(string(event), &life, &i)
	l.got[life] = append(l.got[life], i)
}

func (l *simListener) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = time.Now()
}

// leave ends a listener of the node, or all that it has.
func (r *simRoom) leave(life *simLife, all bool) {
	r.mu.Lock()
	listeners := r.listeners[:len(r.listeners):len(r.listeners)]
	r.mu.Unlock()
	for _, l := range listeners {
		l.mu.Lock()
		open := l.life == life && !l.closed
		l.closed = l.closed || open
		l.mu.Unlock()
		if open {
			l.stop()
			if !all {
				return
			}
		}
	}
}

// check fails when the listener got something twice or out of order, or missed what it
// was promised.
func (l *simListener) check(t *testing.T, lives []*simLife) {
	for life, got := range l.got {
		for i := 1; i < len(got); i++ {
			if got[i] <= got[i-1] {
				t.Errorf("%s: node %d got event %d of node %d after %d",
					l.room.key, l.life.index, got[i], life, got[i-1])
			}
		}
	}
	if l.closed || !l.life.died.IsZero() {
		return
	}
	for _, life := range lives {
		l.checkMissed(t, life)
	}
}

func (l *simListener) checkMissed(t *testing.T, life *simLife) {
	have := map[int]bool{}
	for _, i := range l.got[life.index] {
		have[i] = true
	}
	for i, at := range l.room.published[life.index] {
		if have[i] || !at.After(l.since) || !at.After(l.lost) {
			continue
		}
		if !life.died.IsZero() && at.After(life.died.Add(-simDeathBed)) {
			continue // it may have died with its node
		}
		t.Errorf("%s: node %d, which listens since %s, missed event %d of node %d of %s",
			l.room.key, l.life.index, l.since.Format("05.000"), i, life.index,
			at.Format("05.000"))
	}
}

// simDeathBed is how long before the end of a node its events may not reach others: links
// are broken for 5 s at most, and then it takes an ask until they come again.
const simDeathBed = 12 * time.Second

// TestSimulation has nodes publish, come and go while the network does its worst.
func TestSimulation(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { simulate(t, uint64(seed)) })
		})
	}
}

func simulate(t *testing.T, seed uint64) {
	const places, rooms, length = 3, 5, 40 * time.Second / simScale
	s := &simulation{t: t, net: newSimNet(t, seed), now: make([]*simLife, places)}
	if seed%2 == 1 {
		s.net.loss, s.net.swap = 0.02, 0.05
	}
	for i := range rooms {
		s.rooms = append(s.rooms, &simRoom{key: fmt.Sprint("r", i)})
	}
	for place := range places {
		s.newLife(place)
	}
	deaths := seed%4 >= 2
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var actors sync.WaitGroup
	for place := range places {
		random := func(i uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, i)) }
		actors.Go(func() { s.publish(ctx, random(uint64(place)), place) })
		actors.Go(func() { s.listen(ctx, random(uint64(place+places)), place) })
	}
	actors.Go(func() { s.destroy(ctx, rand.New(rand.NewPCG(seed, 99)), deaths) })
	actors.Wait()
	s.net.mu.Lock()
	s.net.loss, s.net.swap = 0, 0
	s.net.mu.Unlock()
	<-time.After(20 * time.Second)
	synctest.Wait()
	s.check(deaths)
	s.net.close()
}

// check looks at the end at what came of everything.
func (s *simulation) check(deaths bool) {
	events, lost, recovered := 0, uint64(0), uint64(0)
	for _, r := range s.rooms {
		for _, p := range r.published {
			events += len(p)
		}
		for _, l := range r.listeners {
			l.check(s.t, s.lives)
		}
	}
	for _, life := range s.lives {
		stats := life.bus.Stats()
		lost, recovered = lost+stats.Losses, recovered+stats.Recovered
		if life.died.IsZero() && stats.Waiting > 0 {
			s.t.Errorf("%d events wait at the end, want none", stats.Waiting)
		}
		life.bus.Close()
	}
	s.t.Logf("%d nodes, %d events, %d recovered, %d losses, messages: %v",
		len(s.lives), events, recovered, lost, s.net.sent)
	if lost > 0 && !deaths {
		s.t.Errorf("lost was called %d times, want none: all was kept", lost)
	}
}

func pause(r *rand.Rand, most time.Duration) <-chan time.Time {
	return time.After(time.Duration(r.Int64N(int64(most))))
}

func (s *simulation) publish(ctx context.Context, r *rand.Rand, place int) {
	for ctx.Err() == nil {
		s.rooms[r.IntN(len(s.rooms))].publish(ctx, s.at(place))
		switch r.IntN(20) {
		case 0:
			<-pause(r, 400*time.Millisecond)
		case 1, 2, 3, 4, 5, 6, 7:
			<-pause(r, 20*time.Millisecond)
		}
	}
}

func (s *simulation) listen(ctx context.Context, r *rand.Rand, place int) {
	for ctx.Err() == nil {
		room := s.rooms[r.IntN(len(s.rooms))]
		if r.IntN(3) > 0 {
			room.listen(ctx, s.at(place))
		} else {
			room.leave(s.at(place), r.IntN(2) == 0)
		}
		<-pause(r, 300*time.Millisecond)
	}
}

// destroy breaks links between nodes, in one direction or both, and mends them.
func (s *simulation) destroy(ctx context.Context, r *rand.Rand, deaths bool) {
	for ctx.Err() == nil {
		if deaths && r.IntN(4) == 0 {
			s.endLife(r.IntN(len(s.now)), r.IntN(2) == 0)
		}
		from := r.IntN(len(s.now))
		to := (from + 1 + r.IntN(len(s.now)-1)) % len(s.now)
		s.breakLink(r, s.at(from).bus.net.(*simNode), s.at(to).bus.net.(*simNode))
		<-pause(r, 3*time.Second)
	}
}

func (s *simulation) breakLink(r *rand.Rand, from, to *simNode) {
	cut, stuck, both := r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0
	s.net.set(from, to, cut, stuck)
	if both {
		s.net.set(to, from, cut, stuck)
	}
	<-pause(r, []time.Duration{20 * time.Millisecond, time.Second, 5 * time.Second}[r.IntN(3)])
	if stuck && r.IntN(2) == 0 { // some are torn down, some go on
		s.net.set(from, to, true, false)
		s.net.set(to, from, true, false)
	}
	s.net.set(from, to, false, false)
	s.net.set(to, from, false, false)
}
