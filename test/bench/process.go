package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/parley-chat/parley/internal/load"
)

// maxLoad bounds the life of a process that puts load on a server.
const maxLoad = 5 * time.Minute

// serverCPU and loadCPU return the CPUs that servers and the load are bound to, or all
// when there are not enough.
func (b *bench) serverCPU() []int {
	if len(b.cpus) > 1 {
		return b.cpus[:1]
	}
	return b.cpus
}

func (b *bench) loadCPU() []int {
	if len(b.cpus) > 1 {
		return b.cpus[1:2]
	}
	return b.cpus
}

// data returns a new folder for the data of a server.
func (b *bench) data() string {
	b.folders++
	return filepath.Join(b.dir, fmt.Sprintf("data-%d", b.folders))
}

// withParley starts a server for as long as do runs.
func (b *bench) withParley(ctx context.Context, data string, do func(*server) error) error {
	// The parts know how many files there are, and have no more sessions than that.
	s, err := b.startParley(ctx, b.serverCPU(), data, "GOMAXPROCS=1", "PARLEY_MAX_SESSIONS=0")
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.stop())
}

// fanout runs parley bench fanout on a server of its own.
func (b *bench) fanout(ctx context.Context, flags ...string) (*load.FanoutResult, error) {
	var r *load.FanoutResult
	err := b.withParley(ctx, b.data(), func(s *server) (err error) {
		r, err = b.fanoutOn(ctx, s, flags...)
		return err
	})
	return r, err
}

// fanoutOn runs parley bench fanout on a server.
func (b *bench) fanoutOn(ctx context.Context, s *server, flags ...string) (
	*load.FanoutResult, error,
) {
	var r load.FanoutResult
	flags = append([]string{"fanout", "--busy-poll", "--duration=" + b.each.String()}, flags...)
	err := b.runLoad(ctx, s, &r, flags...)
	return &r, err
}

// connect runs parley bench connect on a server.
func (b *bench) connect(ctx context.Context, s *server, flags ...string) (
	*load.ConnectResult, error,
) {
	var r load.ConnectResult
	err := b.runLoad(ctx, s, &r, append([]string{"connect"}, flags...)...)
	return &r, err
}

// runLoad runs parley bench as a process on its CPU, and reads what it measured.
func (b *bench) runLoad(ctx context.Context, s *server, result any, flags ...string) error {
	flags = append([]string{"bench", "--json", "--quiet", "--region=" + region,
		"--url=http://" + s.addr.String(), fmt.Sprintf("--server-pid=%d", s.cmd.Process.Pid)}, flags...)
	return b.load(ctx, result, []string{"AWS_ACCESS_KEY_ID=" + keyID,
		"AWS_SECRET_ACCESS_KEY=" + keySecret}, b.parley, flags...)
}

// load runs a process that prints what it measured as JSON. A process that measured
// something and fails has found a problem, which the report names.
func (b *bench) load(
	ctx context.Context, result any, env []string, name string, args ...string,
) error {
	ctx, cancel := context.WithTimeout(ctx, maxLoad)
	defer cancel()
	var out, log bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = stopTimeout
	if err := startOn(cmd, b.loadCPU()); err != nil {
		return fmt.Errorf("start the load: %w", err)
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("the load was stopped: %w", context.Cause(ctx))
	}
	if out.Len() == 0 {
		return fmt.Errorf("the load measured nothing: %w\n%s", err, &log)
	}
	if err != nil {
		b.problems = append(b.problems,
			strings.Join(args, " ")+": "+strings.TrimSpace(log.String()))
	}
	if err := json.Unmarshal(out.Bytes(), result); err != nil {
		return fmt.Errorf("what the load measured: %w", err)
	}
	return nil
}

// troubles is the figure that says whether the load found fault with a server.
func (b *bench) troubles() figure {
	return figure{name: "runs with loss, refusals or ended sessions", wanted: "0",
		measured: fmt.Sprint(len(b.problems)), met: len(b.problems) == 0}
}

// othersWatch finds out how much of this machine's CPUs other programs take, which
// makes latencies longer and throughput less than they are.
type othersWatch struct {
	began time.Time
	all   time.Duration // CPU time that all programs had used then
	ours  time.Duration // and this one, with its ended children
}

func watchOthers() othersWatch {
	return othersWatch{time.Now(), allCPUTime(), ownCPUTime()}
}

func (w othersWatch) figure() figure {
	f := figure{name: "cores that other programs took meanwhile", measured: "not known"}
	if w.all > 0 {
		theirs := allCPUTime() - w.all - (ownCPUTime() - w.ours)
		f.measured = fmt.Sprintf("%.2f of %d", theirs.Seconds()/time.Since(w.began).Seconds(),
			runtime.NumCPU())
	}
	return f
}

// ownCPUTime returns the CPU time of this process and of its children that have ended.
func ownCPUTime() time.Duration {
	total := int64(0)
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var usage unix.Rusage
		if unix.Getrusage(who, &usage) == nil {
			total += usage.Utime.Nano() + usage.Stime.Nano()
		}
	}
	return time.Duration(total)
}

// allCPUTime returns the time for which all CPUs have been busy, or 0 when the system
// does not tell.
func allCPUTime() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return busyTime(lineOf(string(text), "cpu "))
}
