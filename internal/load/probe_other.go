//go:build !linux

package load

import (
	"context"
	"errors"
)

// ProcessProbe looks at a process of this machine, which is possible on Linux only.
type ProcessProbe struct {
	PID int
}

// Usage always fails.
func (ProcessProbe) Usage(context.Context) (Usage, error) {
	return Usage{}, errors.New("what a process uses can be read on Linux only")
}
