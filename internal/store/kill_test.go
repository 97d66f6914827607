package store_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
)

// childDir is the variable that makes the test binary create resources in a folder
// until it is killed, instead of running tests.
const childDir = "PARLEY_TEST_STORE_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		createUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// createUntilKilled prints the ARN of each resource that it was told is saved.
func createUntilKilled(dir string) {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Dir: dir}, slog.New(slog.DiscardHandler))
	for err == nil {
		l := configurations.fresh()
		if err = printed(l.ARN, s.CreateLoggingConfiguration(ctx, l, 0)); err == nil {
			room := naming(l.ARN)
			err = printed(room.ARN, s.CreateRoom(ctx, room, 0))
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func printed(arn parley.ARN, err error) error {
	if err == nil {
		_, err = fmt.Println(arn)
	}
	return err
}

func TestAcknowledgedResourcesSurviveKill(t *testing.T) {
	dir := t.TempDir()
	var saved []parley.ARN
	for range 4 {
		saved = append(saved, killWhileCreating(t, dir, 1+rand.IntN(300))...)
		s := open(t, dir)
		for _, arn := range saved {
			_, err := s.Room(arn)
			if arn.Kind == parley.KindLoggingConfiguration {
				_, err = s.LoggingConfiguration(arn)
			}
			if err != nil {
				t.Errorf("after a kill, what was acknowledged is gone: %v", err)
			}
		}
		wantNothingDangles(t, s)
		closeStore(t, s)
	}
}

// killWhileCreating returns what a process was told is saved before it was killed,
// which happens after the first n resources.
func killWhileCreating(t *testing.T, dir string, n int) []parley.ARN {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var saved []parley.ARN
	for lines := bufio.NewScanner(output); lines.Scan(); {
		arn, err := parley.ParseARN(lines.Text())
		if err != nil {
			break // the last line, cut off
		}
		if saved = append(saved, arn); len(saved) == n {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); len(saved) < n {
		t.Fatalf("the child ended with %v after %d resources, want %d", err, len(saved), n)
	}
	return saved
}

// ignoreSizeSignal keeps a write past RLIMIT_FSIZE from ending the process, so
// that it fails with an error instead.
func ignoreSizeSignal() { signal.Ignore(syscall.SIGXFSZ) }
