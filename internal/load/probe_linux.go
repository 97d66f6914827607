package load

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ProcessProbe looks at a process of this machine.
type ProcessProbe struct {
	PID int
}

// ticksPerSecond is the unit of times in /proc, which is the same on all systems
// that Go runs on.
const ticksPerSecond = 100

// Usage reads /proc.
func (p ProcessProbe) Usage(context.Context) (Usage, error) {
	folder := fmt.Sprintf("/proc/%d/", p.PID)
	cpu, err := readCPU(folder)
	if err != nil {
		return Usage{}, err
	}
	sizes, err := os.ReadFile(folder + "statm")
	if err != nil {
		return Usage{}, err
	}
	fields := strings.Fields(string(sizes))
	if len(fields) < 2 {
		return Usage{}, fmt.Errorf("%sstatm: %q", folder, sizes)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return Usage{}, fmt.Errorf("%sstatm: %w", folder, err)
	}
	return Usage{CPU: cpu, Memory: pages * int64(os.Getpagesize())}, nil
}

// readCPU reads the fields utime and stime of stat. They come after the name of the
// program, which is in brackets and may have any characters.
func readCPU(folder string) (time.Duration, error) {
	const utime, stime = 11, 12 // after the name
	text, err := os.ReadFile(folder + "stat")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) <= stime {
		return 0, fmt.Errorf("%sstat: %q", folder, text)
	}
	ticks := int64(0)
	for _, field := range []string{fields[utime], fields[stime]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%sstat: %w", folder, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}
