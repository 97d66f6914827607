package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/outbox"
)

var errBusy = errors.New("busy")

// numbers is the settings of an outbox of numbers.
func numbers(send func(context.Context, []int) outbox.Result[int]) outbox.Config[int] {
	return outbox.Config[int]{Name: "numbers", Waiting: 20, Batch: 4, Every: time.Second, Tries: 3,
		Send: send, Log: slog.New(slog.DiscardHandler)}
}

// batches are those that were sent.
type batches struct {
	mu  sync.Mutex // guards all
	all [][]int
}

// add returns how many batches there are with this one.
func (b *batches) add(batch []int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, slices.Clone(batch))
	return len(b.all)
}

func (b *batches) want(t *testing.T, want [][]int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if diff := cmp.Diff(want, b.all); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func putAll(o *outbox.Outbox[int], n int) {
	for i := range n {
		o.Put(i)
	}
}

func wantCounts(t *testing.T, o *outbox.Outbox[int], sent, lost uint64) {
	t.Helper()
	if o.Sent() != sent || o.Lost() != lost {
		t.Errorf("%d sent and %d lost, want %d and %d", o.Sent(), o.Lost(), sent, lost)
	}
}

func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got batches
		o := outbox.New(numbers(func(_ context.Context, batch []int) outbox.Result[int] {
			got.add(batch)
			return outbox.Result[int]{Sent: len(batch)}
		}))
		putAll(o, 5)
		synctest.Wait()
		got.want(t, [][]int{{0, 1, 2, 3}})
		time.Sleep(time.Second + time.Millisecond)
		o.Put(9)
		o.Close()
		o.Close()
		got.want(t, [][]int{{0, 1, 2, 3}, {4}, {9}})
		wantCounts(t, o, 6, 0)
	})
}

func TestWhatFailsIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got batches
		o := outbox.New(numbers(func(_ context.Context, batch []int) outbox.Result[int] {
			switch got.add(batch) {
			case 1: // the first is taken, the second never will be
				return outbox.Result[int]{Sent: 1, Again: batch[2:], Err: errBusy}
			case 2:
				return outbox.Result[int]{Again: batch, After: time.Hour, Err: errBusy}
			}
			return outbox.Result[int]{Sent: len(batch)}
		}))
		putAll(o, 4)
		time.Sleep(time.Minute) // the other side may not ask for an hour
		got.want(t, [][]int{{0, 1, 2, 3}, {2, 3}, {2, 3}})
		wantCounts(t, o, 3, 1)
		o.Close()
	})
}

func TestTriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		var log bytes.Buffer
		cfg := numbers(func(_ context.Context, batch []int) outbox.Result[int] {
			if tries++; tries <= 3 {
				return outbox.Result[int]{Again: batch, Err: errBusy}
			}
			return outbox.Result[int]{Sent: len(batch)}
		})
		cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
		o := outbox.New(cfg)
		putAll(o, 8)
		time.Sleep(time.Minute)
		wantCounts(t, o, 4, 4)
		o.Close()
		for _, want := range []string{"numbers are lost\" err=busy", "numbers are sent again"} {
			if strings.Count(log.String(), want) != 1 {
				t.Errorf("the log does not say %q once:\n%s", want, &log)
			}
		}
	})
}

func TestOutboxThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := outbox.New(numbers(func(ctx context.Context, batch []int) outbox.Result[int] {
			<-ctx.Done()
			return outbox.Result[int]{Again: batch, Err: ctx.Err()}
		}))
		putAll(o, 4)
		synctest.Wait() // these are being sent
		begun := time.Now()
		putAll(o, 20)
		wantCounts(t, o, 0, 0)
		o.Put(99)
		wantCounts(t, o, 0, 1)
		if took := time.Since(begun); took > 0 {
			t.Errorf("Put waited for %s", took)
		}
		o.Close()
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("Close took %s", took)
		}
		wantCounts(t, o, 0, 25)
	})
}
