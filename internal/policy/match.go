package policy

import (
	"strings"
	"unicode/utf8"
)

// The wildcards of a pattern. A policy's * and ? become bytes that no UTF-8 text
// contains, so that a pattern can also hold these characters as themselves.
const (
	anyRun = '\xff' // any number of characters
	anyOne = '\xfe' // one character
)

var wildcards = strings.NewReplacer("*", "\xff", "?", "\xfe")

// like reports whether all of text fits the pattern. It takes at most as many
// steps as the product of their lengths: when text stops fitting, only the last *
// has to take in more, because the earlier ones can gain nothing from it.
func like(pattern, text string) bool { return match(pattern, text, false) }

// matchAction is like for a pattern in lower case and text in any case.
func matchAction(pattern, action string) bool { return match(pattern, action, true) }

func match(pattern, text string, fold bool) bool {
	p, t := 0, 0
	afterRun, runEnd := -1, 0 // the place after the last *, and where what it takes in ends
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == anyRun:
			p++
			if p == len(pattern) {
				return true
			}
			afterRun, runEnd = p, t
		case p < len(pattern) && pattern[p] == anyOne:
			p++
			t += runeLen(text[t:])
		case p < len(pattern) && pattern[p] == foldByte(text[t], fold):
			p++
			t++
		case afterRun >= 0:
			runEnd += runeLen(text[runEnd:])
			p, t = afterRun, runEnd
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == anyRun {
		p++
	}
	return p == len(pattern)
}

// runeLen returns how many bytes the first character of s has.
func runeLen(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}

func foldByte(c byte, fold bool) byte {
	if fold && 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// matchResource reports whether a pattern of the Resource element fits arn. The
// two are compared one segment after the other, as the colons divide them. The
// wildcards stay within their segment, except that a * which ends one can also
// take in the segments that follow.
func matchResource(pattern, arn string) bool {
	canTake := false                  // there was a segment that ends in *
	var patternAfter, arnAfter string // what came after it
	for {
		p, patternRest, patternMore := strings.Cut(pattern, ":")
		a, arnRest, arnMore := strings.Cut(arn, ":")
		fits := like(p, a)
		if fits && p != "" && p[len(p)-1] == anyRun {
			if !patternMore {
				return true
			}
			canTake, patternAfter, arnAfter = arnMore, patternRest, arnRest
		}
		switch {
		case fits && patternMore && arnMore:
			pattern, arn = patternRest, arnRest
		case fits && !patternMore && !arnMore:
			return true
		case !canTake:
			return false
		default:
			if _, arnAfter, canTake = strings.Cut(arnAfter, ":"); !canTake {
				return false
			}
			pattern, arn = patternAfter, arnAfter
		}
	}
}

// arnColons is how many colons divide an ARN into its six parts. The last part
// may hold more of them.
const arnColons = 5

// matchARN reports whether a pattern of the ARN operators fits arn: each of the
// six parts on its own.
func matchARN(pattern, arn string) bool {
	for range arnColons {
		p, patternRest, patternMore := strings.Cut(pattern, ":")
		a, arnRest, arnMore := strings.Cut(arn, ":")
		if !patternMore || !arnMore || !like(p, a) {
			return false
		}
		pattern, arn = patternRest, arnRest
	}
	return like(pattern, arn)
}
