// Command bench measures Parley on this machine, in one run, and prints what it found
// beside what is wanted. Its parts, by the names that -only takes:
//
//   - control: how many CreateChatToken calls a second one CPU answers, and how long
//     they take at half of that: by a bare net/http handler that reads the body and
//     answers with as many bytes, by one that also verifies the signature, and by parley
//     serve, where the caller is a user with a policy. How long a server with 50,000
//     rooms takes to be ready, and how long a page of their list takes.
//   - a to h: the messaging plane, put under load by parley bench. Parts a and b
//     compare it with the physical limit: a loop that does nothing but write the same
//     frames to as many sockets, under the same load.
//   - logging: what it costs to log a room.
//   - cluster: what it costs that the sessions of a room are on several nodes.
//
// Each server is a process of its own with GOMAXPROCS=1. On Linux it is bound to one
// CPU and the load to another. What a server used is the user and system time of its
// process. All numbers are medians of three runs, in which the variants of a part take
// turns, so that what else happens on the machine meets all of them.
//
// Usage, from anywhere in the module:
//
//	go run ./test/bench [-only a,b] [-time 2s]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// rounds is how often each thing is measured.
const rounds = 3

func main() {
	each := flag.Duration("time", 2*time.Second, "how long each measurement under load takes")
	only := flag.String("only", "", "parts to run, with commas between them: "+partNames())
	flag.Parse()
	// The signals stay caught to the end: a server whose input has ended gets one, too.
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	var err error
	if role := os.Getenv(roleVariable); role != "" {
		err = serveRole(ctx, role)
	} else {
		err = run(ctx, *only, *each)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what is wanted and prints it. It leaves neither files nor processes.
func run(ctx context.Context, only string, each time.Duration) (err error) {
	wanted, err := selectParts(only)
	if err != nil {
		return err
	}
	b := &bench{each: each, out: os.Stdout}
	if b.cpus, err = allCPUs(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "parley-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.build(ctx); err != nil {
		return err
	}
	b.describe()
	others := watchOthers()
	figures, err := b.runParts(ctx, wanted)
	err = errors.Join(err, report(b.out, append(figures, b.troubles(), others.figure())))
	for _, problem := range b.problems {
		fmt.Fprintln(b.out, "\n"+problem)
	}
	return err
}

// runParts measures one part after another. When one fails, the others are measured
// nevertheless, unless ctx has ended.
func (b *bench) runParts(ctx context.Context, parts []part) (figures []figure, err error) {
	for _, p := range parts {
		if ctx.Err() != nil {
			break
		}
		b.progress("part %s: %s", p.name, p.what)
		found, failed := p.run(b, ctx)
		figures = append(figures, found...)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("part %s: %w", p.name, failed))
		}
	}
	return figures, err
}

// bench is one run of the program.
type bench struct {
	each     time.Duration // of a measurement under load
	cpus     []int         // that this process may use; none where that is not known
	dir      string        // for all files
	parley   string        // the command
	config   string        // its configuration
	out      io.Writer     // for results
	folders  int           // that were used for data
	problems []string      // that the load had
}

// describe says what is measured on.
func (b *bench) describe() {
	fmt.Fprintf(b.out, "%s, %s/%s; medians of %d runs; each server with GOMAXPROCS=1, ",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, rounds)
	if len(b.cpus) > 1 {
		fmt.Fprint(b.out, "on a CPU of its own\n\n")
	} else {
		fmt.Fprint(b.out, "NOT on a CPU of its own: the load disturbs it\n\n")
	}
}

// progress tells a person what is going on.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

// configuration has a user who may make the calls that are measured.
const configuration = `
quotas: none
accounts:
  - id: "` + account + `"
    users:
      - name: bench
        access_keys: [{id: ` + keyID + `, secret_file: secret}]
        policies:
          - Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: [ivschat:CreateChatToken, "ivschat:*Room", ivschat:ListRooms]
                Resource: "arn:aws:ivschat:` + region + `:` + account + `:room/*"
`

// build builds the server and writes its configuration.
func (b *bench) build(ctx context.Context) error {
	b.progress("building parley")
	b.parley = filepath.Join(b.dir, "parley")
	build := exec.CommandContext(ctx, "go", "build", "-o", b.parley,
		"github.com/parley-chat/parley/cmd/parley")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build parley: %w", err)
	}
	b.config = filepath.Join(b.dir, "parley.yaml")
	return errors.Join(
		os.WriteFile(b.config, []byte(configuration), 0o600),
		os.WriteFile(filepath.Join(b.dir, "secret"), []byte(keySecret), 0o600))
}

// startParley starts parley serve on CPUs, with a data folder.
func (b *bench) startParley(ctx context.Context, cpus []int, data string, env ...string) (
	*server, error,
) {
	return startServer(ctx, cpus, env, b.parley, "serve", "--config="+b.config, "--data="+data,
		"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0")
}
