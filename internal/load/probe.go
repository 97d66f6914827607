package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Usage is what the server's process uses.
type Usage struct {
	CPU    time.Duration // user and system time since it started
	Memory int64         // resident, in bytes
}

// Probe says what the server's process uses. Its methods may be called from any
// goroutine.
type Probe interface {
	Usage(ctx context.Context) (Usage, error)
}

// Probes says what several processes use together.
type Probes []Probe

// Usage adds up what they use.
func (p Probes) Usage(ctx context.Context) (sum Usage, err error) {
	for _, probe := range p {
		u, err := probe.Usage(ctx)
		if err != nil {
			return Usage{}, err
		}
		sum.CPU += u.CPU
		sum.Memory += u.Memory
	}
	return sum, nil
}

// AdminProbe reads the metrics of a Parley server's admin listener.
type AdminProbe struct {
	URL string // http://HOST:PORT
}

// probeTimeout bounds a look at the server.
const probeTimeout = 5 * time.Second

// probeClient leaves no connection behind.
var probeClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// Usage reads the metrics that Prometheus's clients have of their process.
func (p AdminProbe) Usage(ctx context.Context) (Usage, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	address := strings.TrimSuffix(p.URL, "/") + "/metrics"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Usage{}, err
	}
	res, err := probeClient.Do(req)
	if err != nil {
		return Usage{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Usage{}, fmt.Errorf("%s answered %s: is this the admin listener?", address, res.Status)
	}
	return readMetrics(bufio.NewScanner(res.Body), address)
}

func readMetrics(lines *bufio.Scanner, address string) (Usage, error) {
	values := map[string]float64{}
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if !strings.HasPrefix(name, "process_") {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("%s: %s: %w", address, name, err)
		}
		values[name] = number
	}
	if err := lines.Err(); err != nil {
		return Usage{}, fmt.Errorf("%s: %w", address, err)
	}
	cpu, known := values["process_cpu_seconds_total"]
	if !known {
		return Usage{}, errors.New(address + " has no process_cpu_seconds_total")
	}
	return Usage{
		CPU:    time.Duration(cpu * float64(time.Second)),
		Memory: int64(values["process_resident_memory_bytes"]),
	}, nil
}

// ServerUse is what the server's process used in the time that was measured.
type ServerUse struct {
	CPUSeconds          float64 `json:"cpu_seconds"`
	Cores               float64 `json:"cores"`
	ResidentBytesBefore int64   `json:"resident_bytes_before"` // before the first session
	ResidentBytesAfter  int64   `json:"resident_bytes_after"`
}

// look asks a probe, unless there is none. It also does after ctx has ended, so that
// what was measured until then can be told.
func look(ctx context.Context, probe Probe) (Usage, error) {
	if probe == nil {
		return Usage{}, nil
	}
	usage, err := probe.Usage(context.WithoutCancel(ctx))
	if err != nil {
		return Usage{}, fmt.Errorf("look at the server: %w", err)
	}
	return usage, nil
}

// newServerUse compares looks at a server: before the first session, and at both ends
// of the time that was measured.
func newServerUse(first, began, ended Usage, seconds float64) *ServerUse {
	used := (ended.CPU - began.CPU).Seconds()
	return &ServerUse{
		CPUSeconds: used, Cores: used / seconds,
		ResidentBytesBefore: first.Memory, ResidentBytesAfter: ended.Memory,
	}
}

// per returns n per unit of what was used, or 0 when nothing was, which JSON can hold.
func per(n int, used float64) float64 {
	if used <= 0 {
		return 0
	}
	return float64(n) / used
}

// seconds returns nanoseconds as seconds, and never 0, so that rates are numbers.
func seconds(ns int64) float64 { return max(float64(ns), 1) / float64(time.Second) }
