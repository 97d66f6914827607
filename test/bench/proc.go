package main

import (
	"strconv"
	"strings"
	"time"
)

// lineOf returns the line of a text that begins with a word, or nothing.
func lineOf(text, begin string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, begin) {
			return line
		}
	}
	return ""
}

// numberAfter returns the number that follows a word in a text, or 0.
func numberAfter(text, word string) int64 {
	fields := strings.Fields(text)
	for i, field := range fields[:max(len(fields)-1, 0)] {
		if field == word {
			n, _ := strconv.ParseInt(fields[i+1], 10, 64)
			return n
		}
	}
	return 0
}

// busyTime reads the line of /proc/stat that is about all CPUs: all but idle time,
// which is the fourth and the fifth number.
func busyTime(line string) time.Duration {
	const ticksPerSecond, counted = 100, 8 // what follows is part of the first two
	fields := strings.Fields(line)
	ticks := int64(0)
	for i := 1; i < min(len(fields), counted+1); i++ {
		if n, err := strconv.ParseInt(fields[i], 10, 64); err == nil && i != 4 && i != 5 {
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond
}
