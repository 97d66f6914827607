package main

import (
	"context"
	"fmt"
	"strings"
)

// part is something that can be measured alone.
type part struct {
	name, what string
	run        func(b *bench, ctx context.Context) ([]figure, error)
}

// parts are all that there are, in the order in which they run.
func parts() []part {
	return []part{
		{"control", "the control plane", (*bench).measureControl},
		{"a", "one message at a time, beside the physical limit", (*bench).measureOneAtATime},
		{"b", "64 messages on their way, beside the physical limit", (*bench).measureBatches},
		{"c", "100 messages a second to 1,000 receivers", (*bench).measureModest},
		{"d", "1,000 messages a second to 1,000 receivers", (*bench).measureMillion},
		{"e", "memory of idle sessions", (*bench).measureIdle},
		{"f", "handshakes, and coming back after a restart", (*bench).measureHandshakes},
		{"g", "many small rooms beside one large", (*bench).measureRooms},
		{"h", "one million sessions, by arithmetic", (*bench).measureMany},
		{"logging", "rooms that are logged beside rooms that are not", (*bench).measureLogging},
		{"cluster", "rooms whose sessions are on several nodes", (*bench).measureCluster},
	}
}

func partNames() string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return strings.Join(names, ",")
}

// selectParts returns the parts of a list of names, in the order of parts; an empty
// list has all.
func selectParts(only string) ([]part, error) {
	if only == "" {
		return parts(), nil
	}
	names := map[string]bool{}
	for name := range strings.SplitSeq(only, ",") {
		names[strings.TrimSpace(name)] = true
	}
	var selected []part
	for _, p := range parts() {
		if names[p.name] {
			selected = append(selected, p)
			delete(names, p.name)
		}
	}
	for name := range names {
		return nil, fmt.Errorf("there is no part %q; there are %s", name, partNames())
	}
	return selected, nil
}
