package metrics_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/metrics"
)

func TestValues(t *testing.T) {
	m := metrics.New()
	m.SessionOpened()
	m.APICall("GetRoom", nil, 250*time.Millisecond)
	m.APICall("GetRoom", nil, 250*time.Millisecond)
	m.WatchNode(func() metrics.Node { return metrics.Node{} })
	wanted := map[string]bool{"parley_connections": true, "parley_api_duration_seconds": true,
		"parley_connections_limit": true} // the last is infinite
	got, err := m.Values(func(name string) bool { return wanted[name] })
	if err != nil {
		t.Fatal(err)
	}
	call := map[string]string{"operation": "GetRoom", "outcome": "ok"}
	want := []metrics.Value{
		{Name: "parley_api_duration_seconds_count", Labels: call, Number: 2},
		{Name: "parley_api_duration_seconds_sum", Labels: call, Number: 0.5},
		{Name: "parley_connections", Labels: map[string]string{}, Number: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong values (-want +got):\n%s", diff)
	}
}
