package faults

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/test/faults/network"
)

// schedule deals faults at random. All kinds come equally often, like cards of a deck that
// is shuffled when it is used up.
type schedule struct {
	random *rand.Rand
	kinds  []kind
	deck   []kind
}

// newSchedule returns the schedule of some kinds that belongs to a seed.
func newSchedule(seed uint64, kinds []kind) *schedule {
	return &schedule{random: rand.New(rand.NewPCG(seed, 0)), kinds: kinds}
}

// clock returns by how many seconds a clock is off that is off.
func (s *schedule) clock() int { return 3 - 6*s.random.IntN(2) }

// next returns the next fault.
func (s *schedule) next() fault {
	if len(s.deck) == 0 {
		s.deck = slices.Clone(s.kinds)
		s.random.Shuffle(len(s.deck), func(i, j int) {
			s.deck[i], s.deck[j] = s.deck[j], s.deck[i]
		})
	}
	f := fault{kind: s.deck[0], node: s.random.IntN(nodeCount), clock: s.clock() * s.random.IntN(2),
		calm: s.between(time.Second, 3*time.Second), length: s.between(time.Second, 8*time.Second),
		slow: network.Rule{Delay: s.between(20*time.Millisecond, 150*time.Millisecond),
			BytesPerSecond: 64<<10 + s.random.IntN(512<<10)}}
	s.deck = s.deck[1:]
	f.other = others(f.node)[s.random.IntN(2)]
	if f.kind == clock {
		f.node = clockNode
	}
	return f
}

func (s *schedule) between(least, most time.Duration) time.Duration {
	return (least + time.Duration(s.random.Int64N(int64(most-least)))).Round(time.Millisecond)
}

func TestSeedRepeatsTheSchedule(t *testing.T) {
	kinds := slices.Concat(processKinds, networkKinds)
	first, second, third := newSchedule(1, kinds), newSchedule(1, kinds), newSchedule(2, kinds)
	differs := false
	for range 50 {
		a, b, c := first.next(), second.next(), third.next()
		if a != b {
			t.Fatalf("one seed gave %s, and %s", a, b)
		}
		differs = differs || a != c
	}
	if !differs {
		t.Error("two seeds gave the same faults")
	}
}

func TestScheduleDealsEachKindOnce(t *testing.T) {
	kinds := slices.Concat(processKinds[1:], networkKinds)
	s := newSchedule(1, kinds)
	var seen []kind
	for range kinds {
		f := s.next()
		seen = append(seen, f.kind)
		if f.node == f.other || f.calm <= 0 || f.length < time.Second || f.length > 8*time.Second {
			t.Errorf("a fault is %+v", f)
		}
	}
	slices.Sort(seen)
	if slices.Sort(kinds); !slices.Equal(seen, kinds) {
		t.Errorf("dealt %v, want %v in any order", seen, kinds)
	}
}
