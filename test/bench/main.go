// Command bench measures the control plane on this machine, in one run, and prints
// what it found beside what is wanted:
//
//   - How many CreateChatToken calls a second one CPU answers, and how long they take
//     at half of that: by a bare net/http handler that reads the body and answers with
//     as many bytes, by one that also verifies the signature, and by parley serve,
//     where the caller is a user with a policy. Each server is a process of its own
//     with GOMAXPROCS=1. On Linux it is bound to one CPU and the load to another.
//   - How long a server with 50,000 rooms takes to be ready, and how long a page of
//     their list takes.
//
// The load sends the same signed bytes over and over on 32 keep-alive connections.
// It says so when it was itself the limit. All numbers are medians of three runs, in
// which the servers take turns, so that what else happens on the machine meets all of
// them.
//
// Usage, from anywhere in the module:
//
//	go run ./test/bench [-time 2s]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// rounds is how often each thing is measured.
const rounds = 3

func main() {
	each := flag.Duration("time", 2*time.Second, "how long each measurement under load takes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	if role := os.Getenv(roleVariable); role != "" {
		err = serveRole(role)
	} else {
		err = run(ctx, *each)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything and prints it. It leaves neither files nor processes.
func run(ctx context.Context, each time.Duration) (err error) {
	b := &bench{each: each}
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
	rooms, err := measureRooms(ctx, b)
	if err != nil {
		return err
	}
	tokens, err := b.measureTokens(ctx)
	if err != nil {
		return err
	}
	return b.report(os.Stdout, tokens, rooms)
}

// bench is one run of the program.
type bench struct {
	each   time.Duration // of a measurement under load
	cpus   []int         // that this process may use; none where that is not known
	dir    string        // for all files
	parley string        // the command
	config string        // its configuration
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
                Action: [ivschat:CreateChatToken, ivschat:CreateRoom, ivschat:ListRooms]
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

// contender is a server whose calls are counted.
type contender struct {
	name    string
	server  *server
	request map[string]any
	results []result
}

// result is what one run of a contender showed.
type result struct {
	perSecond float64
	busy      float64 // the share of its CPU that the load took
	p50, p99  time.Duration
}

// measureTokens lets the three servers take turns.
func (b *bench) measureTokens(ctx context.Context) (_ []*contender, err error) {
	loadCPUs, serverCPUs := b.cpus, b.cpus
	if len(b.cpus) > 1 {
		loadCPUs, serverCPUs = b.cpus[:1], b.cpus[len(b.cpus)-1:]
	}
	if err := bindSelf(loadCPUs); err != nil {
		return nil, err
	}
	contenders, err := b.startContenders(ctx, serverCPUs)
	defer func() {
		for _, c := range contenders {
			err = errors.Join(err, c.server.stop())
		}
	}()
	if err != nil {
		return nil, err
	}
	for round := range rounds {
		for _, c := range contenders {
			b.progress("run %d of %d: %s", round+1, rounds, c.name)
			if err := c.measure(b.each); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	return contenders, nil
}

// startContenders starts the three servers. With an error, it returns those that it
// has started.
func (b *bench) startContenders(ctx context.Context, cpus []int) ([]*contender, error) {
	const oneCPU = "GOMAXPROCS=1"
	own, err := b.startParley(ctx, cpus, filepath.Join(b.dir, "data"), oneCPU)
	if err != nil {
		return nil, err
	}
	parley := &contender{name: "parley serve", server: own}
	contenders := []*contender{parley}
	answer, err := call(own.addr, "CreateRoom", map[string]any{"name": "bench"})
	if err != nil {
		return contenders, err
	}
	var room struct{ ARN string }
	if err := json.Unmarshal(answer, &room); err != nil {
		return contenders, fmt.Errorf("answer to CreateRoom: %w", err)
	}
	parley.request = map[string]any{"roomIdentifier": room.ARN, "userId": "user-1",
		"capabilities": []string{"SEND_MESSAGE"}, "sessionDurationInMinutes": 30,
		"attributes": map[string]string{"displayName": "José"}}
	if answer, err = call(own.addr, "CreateChatToken", parley.request); err != nil {
		return contenders, err
	}
	self, err := os.Executable()
	if err != nil {
		return contenders, err
	}
	for _, c := range []struct{ name, role string }{
		{"net/http and SigV4", roleSigned}, {"bare net/http", roleBare},
	} {
		s, err := startServer(ctx, cpus, []string{oneCPU, roleVariable + "=" + c.role,
			fmt.Sprintf("%s=%d", sizeVariable, len(answer))}, self)
		if err != nil {
			return contenders, err
		}
		contenders = append([]*contender{{name: c.name, server: s, request: parley.request}},
			contenders...)
	}
	return contenders, nil
}

// measure finds out how many calls the server answers, and how long they take at
// half of that.
func (c *contender) measure(d time.Duration) error {
	l, err := newLoad(c.server.addr, connections, maxAnswerBytes)
	if err != nil {
		return err
	}
	defer l.close()
	if l.request, err = signedRequest(c.server.addr, "CreateChatToken", c.request); err != nil {
		return err
	}
	var r result
	if r.perSecond, r.busy, err = l.full(d); err != nil {
		return err
	}
	took, err := l.paced(r.perSecond/2, d)
	if err != nil {
		return err
	}
	r.p50, r.p99 = percentile(took, 50), percentile(took, 99)
	c.results = append(c.results, r)
	return nil
}
