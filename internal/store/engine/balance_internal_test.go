package engine

import (
	"fmt"
	"slices"
	"testing"
)

// streamOn returns a bucket with a leader and replicas; a name that begins with - is one
// of a server that is away, and one with ~ is behind.
func streamOn(bucket, leader string, replicas ...string) Stream {
	s := Stream{Bucket: bucket, Leader: leader}
	for _, name := range replicas {
		r := Replica{Node: name, Current: true}
		switch name[0] {
		case '-':
			r = Replica{Node: name[1:], Offline: true}
		case '~':
			r = Replica{Node: name[1:], Current: true, Lag: 1}
		}
		s.Replicas = append(s.Replicas, r)
	}
	return s
}

func TestMoves(t *testing.T) {
	tests := []struct {
		name    string
		streams []Stream
		want    []move
	}{
		{"nothing", nil, nil},
		{"one", []Stream{streamOn("1", "a", "b", "c")}, nil},
		{"even", []Stream{streamOn("1", "a", "b"), streamOn("2", "b", "a")}, nil},
		{"one more is even", []Stream{streamOn("1", "a", "b"), streamOn("2", "b", "a"),
			streamOn("3", "a", "b")}, nil},
		{"two more", []Stream{streamOn("1", "a", "b"), streamOn("2", "a", "b")}, []move{{"1", "b"}}},
		{"all on one", []Stream{streamOn("1", "a", "b", "c"), streamOn("2", "a", "b", "c"),
			streamOn("3", "a", "b", "c")}, []move{{"1", "c"}, {"2", "b"}}},
		{"the other is away", []Stream{streamOn("1", "a", "-b"), streamOn("2", "a", "-b")}, nil},
		{"the other is behind", []Stream{streamOn("1", "a", "~b"), streamOn("2", "a", "~b")}, nil},
		{"one of them could", []Stream{streamOn("1", "a", "~b"), streamOn("2", "a", "b")},
			[]move{{"2", "b"}}},
		{"elections", []Stream{streamOn("1", "", "a", "b"), streamOn("2", "", "a", "b")}, nil},
		{"no replica there", []Stream{streamOn("1", "a"), streamOn("2", "a"),
			streamOn("3", "b", "a")}, nil},
	}
	for _, test := range tests {
		if got := moves(test.streams); !slices.Equal(got, test.want) {
			t.Errorf("%s: moves() = %v, want %v", test.name, got, test.want)
		}
	}
}

// TestMovesOfMarks spreads 32 buckets over three and five nodes.
func TestMovesOfMarks(t *testing.T) {
	for _, nodes := range [][]string{{"a", "b", "c"}, {"a", "b", "c", "d", "e"}} {
		var streams []Stream
		for i := range 32 {
			streams = append(streams, streamOn(fmt.Sprint(i), nodes[0], nodes[1:]...))
		}
		led := map[string]int{nodes[0]: 32}
		for _, m := range moves(streams) {
			led[nodes[0]]--
			led[m.to]++
		}
		for _, node := range nodes {
			if got, least := led[node], 32/len(nodes); got < least || got > least+1 {
				t.Errorf("of %d nodes, %s leads %d of 32, want %d or %d",
					len(nodes), node, got, least, least+1)
			}
		}
	}
}
