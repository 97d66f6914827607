package app

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/control"
	"github.com/parley-chat/parley/internal/metrics"
)

// inquiryTime is how long other nodes are waited for.
const inquiryTime = 1500 * time.Millisecond

// inquiry is something that each node knows of itself and tells the others.
type inquiry[Question, Answer any] struct {
	topic string
	here  func(*App, Question) (Answer, error) // what this node knows
}

// What the console shows of nodes.
var (
	nodeMetrics   = inquiry[struct{}, []metrics.Value]{"metrics", (*App).metricsHere}
	roomTraffic   = inquiry[parley.ARN, control.RoomTraffic]{"traffic", (*App).trafficHere}
	logDeliveries = inquiry[parley.World, []control.LogDelivery]{"deliveries", (*App).deliveriesHere}
)

// told is what a node answers.
type told[Answer any] struct {
	Node   string `json:"node"` // its name; empty when it is the only one
	Answer Answer `json:"answer"`
}

// answer has the node tell others.
func (i inquiry[Q, A]) answer(a *App) error {
	return a.answerAbout(i.topic, func(question []byte) []byte {
		var q Q
		if err := json.Unmarshal(question, &q); err != nil {
			return nil // from a version to come
		}
		text, err := i.tell(a, q)
		if err != nil {
			a.log.Warn("another node is not told", "topic", i.topic, "err", err)
		}
		return text
	})
}

// tell returns what this node answers.
func (i inquiry[Q, A]) tell(a *App, q Q) ([]byte, error) {
	answer, err := i.here(a, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(told[A]{a.store.Node(), answer})
}

// ask returns what each node knows, this one first and the others by name, and the names
// of those that do not answer, of the nodes that the bus knows.
func (i inquiry[Q, A]) ask(ctx context.Context, a *App, q Q) (
	all []told[A], missing []string, err error) {
	here, err := i.here(a, q)
	if err != nil || !a.store.Shared() {
		return []told[A]{{"", here}}, nil, err
	}
	self := a.store.Node()
	others := i.askOthers(ctx, a, q, self)
	for _, node := range a.store.Nodes() {
		if _, ok := others[node.Name]; !ok && node.Name != self {
			missing = append(missing, node.Name)
		}
	}
	slices.Sort(missing)
	all = []told[A]{{self, here}}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		all = append(all, told[A]{name, others[name]})
	}
	return all, slices.Compact(missing), nil // one that started again may be there twice
}

// askOthers returns the answers by node. It waits for those that are alive.
func (i inquiry[Q, A]) askOthers(ctx context.Context, a *App, q Q, self string) map[string]A {
	question, err := json.Marshal(q)
	if err != nil {
		panic(err) // texts
	}
	ctx, cancel := context.WithTimeout(ctx, inquiryTime)
	defer cancel()
	answers := map[string]A{}
	live := a.store.Live()
	// What ends with the time are nodes that do not answer.
	_ = a.store.Ask(ctx, i.topic, question, func(answer []byte) bool {
		var t told[A]
		if json.Unmarshal(answer, &t) == nil && t.Node != self {
			answers[t.Node] = t.Answer
		}
		return !slices.ContainsFunc(live, func(name string) bool {
			_, ok := answers[name]
			return !ok && name != self
		})
	})
	return answers
}

// NodeMetrics returns the metrics of each node, and how much of the machine its process
// uses.
func (a *App) NodeMetrics(ctx context.Context) ([]control.NodeMetrics, []string, error) {
	all, missing, err := nodeMetrics.ask(ctx, a, struct{}{})
	if err != nil {
		return nil, nil, err
	}
	var nodes []control.NodeMetrics
	for _, t := range all {
		nodes = append(nodes, control.NodeMetrics{Node: t.Node, Metrics: t.Answer})
	}
	return nodes, missing, nil
}

// metricsHere leaves out those of quotas: they grow with the accounts, and what nodes tell
// each other has a limit.
func (a *App) metricsHere(struct{}) ([]metrics.Value, error) {
	return a.metrics.Values(func(name string) bool {
		return strings.HasPrefix(name, "process_") ||
			strings.HasPrefix(name, "parley_") && !strings.HasPrefix(name, "parley_quota_")
	})
}

// RoomTraffic returns what a room has on each node.
func (a *App) RoomTraffic(ctx context.Context, room parley.ARN) (
	[]control.RoomTraffic, []string, error) {
	all, missing, err := roomTraffic.ask(ctx, a, room)
	if err != nil {
		return nil, nil, err
	}
	var nodes []control.RoomTraffic
	for _, t := range all {
		t.Answer.Node = t.Node
		nodes = append(nodes, t.Answer)
	}
	return nodes, missing, nil
}

func (a *App) trafficHere(room parley.ARN) (control.RoomTraffic, error) {
	t := a.hub.RoomTraffic(room)
	return control.RoomTraffic{Sessions: t.Sessions, Frames: t.Frames, Deliveries: t.Deliveries}, nil
}

// LogDeliveries returns how the chat logs of a world get to their destinations from each
// node.
func (a *App) LogDeliveries(ctx context.Context, w parley.World) (
	[]control.LogDelivery, []string, error) {
	all, missing, err := logDeliveries.ask(ctx, a, w)
	if err != nil {
		return nil, nil, err
	}
	var deliveries []control.LogDelivery
	for _, t := range all {
		for _, d := range t.Answer {
			d.Node = t.Node
			deliveries = append(deliveries, d)
		}
	}
	return deliveries, missing, nil
}

// maxToldError is how many bytes of an error are told, at its end, where the cause is:
// with this and control.MaxDeliveries, answers are at most 1 MiB.
const maxToldError = 400

func (a *App) deliveriesHere(w parley.World) ([]control.LogDelivery, error) {
	var all []control.LogDelivery
	for arn, s := range a.logs.Status() {
		if arn.World() != w {
			continue
		}
		all = append(all, control.LogDelivery{
			LoggingConfiguration: s.LoggingConfiguration, Where: s.Where,
			QueuedBytes: s.QueuedBytes, LagSeconds: s.LagSeconds,
			Delivered: s.Delivered, Dropped: s.Dropped, LastDelivery: s.LastDelivery,
			FailingSince: s.FailingSince, ErrorKind: s.ErrorKind, LastError: endOf(s.LastError),
		})
	}
	return control.FirstDeliveries(all), nil
}

// endOf returns the end of a text.
func endOf(text string) string {
	if len(text) <= maxToldError {
		return text
	}
	return "…" + strings.ToValidUTF8(text[len(text)-maxToldError:], "")
}
