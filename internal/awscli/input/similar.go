package input

import (
	"cmp"
	"slices"
)

// maxSimilar bounds how many words are proposed for another.
const maxSimilar = 3

// similar returns the choices that are most like word, the best first: those whose
// ratio, from 0 to 1, is at least least.
func similar(word string, choices []string, least float64) []string {
	type scored struct {
		choice string
		ratio  float64
	}
	var found []scored
	for _, choice := range choices {
		if r := ratio(choice, word); r >= least {
			found = append(found, scored{choice, r})
		}
	}
	slices.SortFunc(found, func(a, b scored) int {
		return cmp.Or(cmp.Compare(b.ratio, a.ratio), cmp.Compare(b.choice, a.choice))
	})
	var best []string
	for _, s := range found[:min(len(found), maxSimilar)] {
		best = append(best, s.choice)
	}
	return best
}

// ratio says how alike two words are, of which one has bytes, as Python's difflib counts
// it: the bytes that they have in common, in one order, against all that they have.
func ratio(a, b string) float64 {
	return 2 * float64(common(a, b)) / float64(len(a)+len(b))
}

// common counts the bytes of the longest text that both have, and of what is in common
// on its left and on its right.
func common(a, b string) int {
	atA, atB, size := longest(a, b)
	if size == 0 {
		return 0
	}
	return size + common(a[:atA], b[:atB]) + common(a[atA+size:], b[atB+size:])
}

// longest returns where the longest text that both have begins in each, the first of
// several.
func longest(a, b string) (atA, atB, size int) {
	before := make([]int, len(b)+1) // of texts that end before the byte of a at hand
	for i := range len(a) {
		now := make([]int, len(b)+1)
		for j := range len(b) {
			if a[i] != b[j] {
				continue
			}
			now[j+1] = before[j] + 1
			if now[j+1] > size {
				size = now[j+1]
				atA, atB = i+1-size, j+1-size
			}
		}
		before = now
	}
	return atA, atB, size
}
