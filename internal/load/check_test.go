package load

import (
	"testing"

	"pgregory.net/rapid"
)

func TestArrivals(t *testing.T) {
	for _, tt := range []struct {
		name                      string
		seqs                      []uint32
		sent                      int
		missing, late, duplicates int
	}{
		{"all in order", []uint32{0, 1, 2, 3}, 4, 0, 0, 0},
		{"nothing", nil, 4, 4, 0, 0},
		{"the first is lost", []uint32{1, 2, 3}, 4, 1, 0, 0},
		{"one in the middle is lost", []uint32{0, 2, 3}, 4, 1, 0, 0},
		{"the last is lost", []uint32{0, 1, 2}, 4, 1, 0, 0},
		{"several are lost", []uint32{1, 4, 5, 8}, 10, 6, 0, 0},
		{"one comes twice", []uint32{0, 1, 1, 2, 3}, 4, 0, 0, 1},
		{"one comes again, later", []uint32{0, 1, 2, 3, 0}, 4, 0, 0, 1},
		{"two are swapped", []uint32{0, 2, 1, 3}, 4, 0, 1, 0},
		{"one is late, and comes twice", []uint32{0, 3, 1, 2, 2}, 4, 0, 2, 1},
		{"backwards", []uint32{3, 2, 1, 0}, 4, 0, 3, 0},
		{"the middle of a hole comes late", []uint32{0, 6, 3}, 7, 4, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var a arrivals
			counts := map[arrival]int{}
			for _, seq := range tt.seqs {
				counts[a.add(seq)]++
			}
			if got := a.missing(tt.sent); got != tt.missing || counts[late] != tt.late ||
				counts[duplicate] != tt.duplicates {
				t.Errorf("%v of %d: %d missing, %d late, %d duplicates; want %d, %d, %d", tt.seqs, tt.sent,
					got, counts[late], counts[duplicate], tt.missing, tt.late, tt.duplicates)
			}
		})
	}
}

// TestArrivalsAgreeWithASet compares arrivals with a set of all that came, as long as
// no hole is forgotten.
func TestArrivalsAgreeWithASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seqs := rapid.SliceOfN(rapid.Uint32Range(0, 100), 0, 100).Draw(t, "seqs")
		const sent = 101
		var a arrivals
		seen, highest := map[uint32]bool{}, -1
		for _, seq := range seqs {
			want := inOrder
			switch {
			case seen[seq]:
				want = duplicate
			case int(seq) < highest:
				want = late
			}
			if got := a.add(seq); got != want {
				t.Fatalf("%d of %v is %d, want %d", seq, seqs, got, want)
			}
			seen[seq], highest = true, max(highest, int(seq))
		}
		if got, want := a.missing(sent), sent-len(seen); got != want {
			t.Errorf("%v: %d missing, want %d", seqs, got, want)
		}
	})
}

func TestHolesAreBounded(t *testing.T) {
	var a arrivals
	const lost = 10 * maxHoles
	for seq := range uint32(lost) {
		a.add(2*seq + 1) // every other one is lost
	}
	if n := len(a.holes.ranges); n > maxHoles {
		t.Errorf("%d holes are remembered, want at most %d", n, maxHoles)
	}
	if got := a.missing(2 * lost); got != lost {
		t.Errorf("%d missing, want %d", got, lost)
	}
	if got := a.add(0); got != duplicate {
		t.Errorf("a message of a forgotten hole is %d, want a duplicate", got)
	}
}

func BenchmarkArrivals(b *testing.B) {
	var a arrivals
	for i := 0; b.Loop(); i++ {
		a.add(uint32(i))
	}
}
