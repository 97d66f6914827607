package control_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/control"
	"github.com/parley-chat/parley/internal/metrics"
)

// nodes is a cluster of which one node answers, that has delivered logs, or an error.
type nodes struct {
	err     error
	logs    []control.LogDelivery
	missing []string
}

func (n nodes) NodeMetrics(context.Context) ([]control.NodeMetrics, []string, error) {
	values := []metrics.Value{{Name: "parley_connections", Number: 7}}
	return []control.NodeMetrics{{Node: "one", Metrics: values}}, n.missing, n.err
}

func (n nodes) RoomTraffic(_ context.Context, room parley.ARN) (
	[]control.RoomTraffic, []string, error) {
	traffic := control.RoomTraffic{Node: "one", Sessions: len(room.ID), Frames: 2, Deliveries: 6}
	return []control.RoomTraffic{traffic}, n.missing, n.err
}

func (n nodes) LogDeliveries(context.Context, parley.World) (
	[]control.LogDelivery, []string, error) {
	return n.logs, n.missing, n.err
}

func TestGetMetrics(t *testing.T) {
	w := startWith(t, "*", nodes{}).call(t, owner, "parley/GetMetrics", "{}")
	answer := w.Body.String()
	const want = `"nodes":[{"node":"one","metrics":[{"name":"parley_connections","value":7}]}]}`
	if !strings.HasSuffix(answer, want) {
		t.Errorf("answer %s, want it to end in %s", answer, want)
	}
	at, _ := members(t, w.Body)["time"].(string)
	if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
		t.Errorf("time: %v", err)
	}
}

func TestMissingNodesAreNamed(t *testing.T) {
	s := startWith(t, "*", nodes{missing: []string{"two", "three"}})
	room := object(member("identifier", aRoom().ARN.String()))
	for operation, body := range map[string]string{
		"GetMetrics": "{}", "GetRoomTraffic": room, "GetLogDeliveries": "{}",
	} {
		w := s.call(t, owner, "parley/"+operation, body)
		if want := `,"missing":["two","three"]}`; !strings.HasSuffix(w.Body.String(), want) {
			t.Errorf("%s: answer %s, want it to end in %s", operation, w.Body, want)
		}
	}
}

func TestNodesThatCannotBeRead(t *testing.T) {
	s := startWith(t, "*", nodes{err: errors.New("broken")})
	room := object(member("identifier", aRoom().ARN.String()))
	for operation, body := range map[string]string{
		"GetMetrics": "{}", "GetRoomTraffic": room, "GetLogDeliveries": "{}",
	} {
		w := s.call(t, owner, "parley/"+operation, body)
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "broken") {
			t.Errorf("%s: %d %s, want 500 and no reason", operation, w.Code, w.Body)
		}
	}
}

func TestGetRoomTraffic(t *testing.T) {
	s := startWith(t, "*", nodes{})
	arn := aRoom().ARN
	w := s.call(t, owner, "parley/GetRoomTraffic", object(member("identifier", arn.String())))
	want := fmt.Sprintf(`"nodes":[{"node":"one","sessions":%d,"frames":2,"deliveries":6}]}`, len(arn.ID))
	if !strings.HasSuffix(w.Body.String(), want) {
		t.Errorf("answer %s, want it to end in %s", w.Body, want)
	}
}

// TestNodesTellOfOneWorld asks about what is not in the caller's account, and about what
// is no resource of the kind.
func TestNodesTellOfOneWorld(t *testing.T) {
	room, configuration := aRoom().ARN, aConfiguration().ARN
	foreignRoom, foreignConfiguration := room, configuration
	foreignRoom.Account, foreignConfiguration.Account = "999999999999", "999999999999"
	tests := []struct {
		operation, identifier string
		status                int
	}{
		{"GetRoomTraffic", room.String(), http.StatusOK},
		{"GetRoomTraffic", foreignRoom.String(), http.StatusNotFound},
		{"GetRoomTraffic", configuration.String(), http.StatusBadRequest},
		{"GetLogDeliveries", configuration.String(), http.StatusOK},
		{"GetLogDeliveries", foreignConfiguration.String(), http.StatusNotFound},
		{"GetLogDeliveries", room.String(), http.StatusBadRequest},
	}
	s := startWith(t, "*", nodes{})
	for _, test := range tests {
		w := s.call(t, owner, "parley/"+test.operation, object(member("identifier", test.identifier)))
		if w.Code != test.status {
			t.Errorf("%s of %s: status %d, want %d; body %s",
				test.operation, test.identifier, w.Code, test.status, w.Body)
		}
	}
}

// TestDeliveriesOfOneConfiguration has a user who may look at one, and may not see others.
func TestDeliveriesOfOneConfiguration(t *testing.T) {
	mine := aConfiguration().ARN
	other := mine
	other.ID = "anotherOne12"
	s := startOn(t, "ivschat:GetLoggingConfiguration", mine.String(),
		nodes{logs: []control.LogDelivery{{LoggingConfiguration: other.String()},
			{LoggingConfiguration: mine.String(), Delivered: 3}}})
	for body, status := range map[string]int{
		"{}": http.StatusForbidden,
		object(member("identifier", other.String())): http.StatusForbidden,
		object(member("identifier", mine.String())):  http.StatusOK,
	} {
		w := s.call(t, owner, "parley/GetLogDeliveries", body)
		if w.Code != status {
			t.Errorf("%s: status %d, want %d; body %s", body, w.Code, status, w.Body)
		}
		if status == http.StatusOK && !slices.Equal(configurationsOf(t, w.Body.String()), []string{mine.ID}) {
			t.Errorf("%s: answer %s, want %s alone", body, w.Body, mine.ID)
		}
	}
}

// TestDeliveriesThatFailComeFirst has one more than are told of.
func TestDeliveriesThatFailComeFirst(t *testing.T) {
	since := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	var logs []control.LogDelivery
	for i := range 1001 {
		arn := aConfiguration().ARN
		arn.ID = fmt.Sprintf("config%06d", i)
		logs = append(logs, control.LogDelivery{LoggingConfiguration: arn.String()})
	}
	logs[700].FailingSince, logs[700].LastError = &since, "access denied"
	w := startWith(t, "*", nodes{logs: logs}).call(t, owner, "parley/GetLogDeliveries", "{}")
	told := configurationsOf(t, w.Body.String())
	if len(told) != 1000 || told[0] != "config000700" || told[999] != "config000999" {
		t.Errorf("%d deliveries, from %s to %s; want 1000, config000700 first",
			len(told), told[0], told[len(told)-1])
	}
	const want = `"failingSince":"2026-03-01T10:00:00Z","lastError":"access denied"}`
	if !strings.Contains(w.Body.String(), want) {
		t.Errorf("no delivery has %s", want)
	}
}

// configurationsOf returns the ids in an answer of GetLogDeliveries.
func configurationsOf(t *testing.T, answer string) (ids []string) {
	t.Helper()
	for _, d := range members(t, strings.NewReader(answer))["deliveries"].([]any) {
		arn, err := parley.ParseARN(d.(map[string]any)["loggingConfiguration"].(string))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, arn.ID)
	}
	return ids
}

// TestWatchingIsNotRecorded has an open page ask again and again, until it may not.
func TestWatchingIsNotRecorded(t *testing.T) {
	room := object(member("identifier", aRoom().ARN.String()))
	calls := map[string]string{"GetMetrics": "{}", "GetRoomTraffic": room, "GetLogDeliveries": "{}"}
	allowed, denied := startWith(t, "*", nodes{}), startWith(t, "ivschat:ListRooms", nodes{})
	for operation, body := range calls {
		allowed.call(t, owner, "parley/"+operation, body)
		denied.call(t, owner, "parley/"+operation, body)
		if want := `"eventName":"` + operation + `"`; !strings.Contains(denied.log.String(), want) {
			t.Errorf("the audit log has nothing of a refused %s", operation)
		}
	}
	if allowed.log.Len() > 0 {
		t.Errorf("the audit log has %s, want nothing of those who watch", allowed.log)
	}
}
