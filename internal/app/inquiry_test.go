package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/parleytest"
)

// TestNodesTellOfThemselves asks one node of a cluster how all of them are.
func TestNodesTellOfThemselves(t *testing.T) {
	c := parleytest.StartCluster(t, 3, func(cfg *app.Config) {
		cfg.Logs.Destinations = []config.LogDestinationConfig{{S3: "*", Directory: t.TempDir()}}
	})
	room := chatOnEachNode(t, c)
	joinAndGreet(t, c.Nodes[1], room, "guest")
	all := []string{"node-1", "node-0", "node-2"}

	metrics := inquireAll(t, c.Nodes[1], "GetMetrics", nil)
	if names := metrics.each("nodes", "node"); !slices.Equal(names, all) {
		t.Errorf("metrics of %q, want %q", names, all)
	}
	if got, want := metrics.connections(), []string{"2", "1", "1"}; !slices.Equal(got, want) {
		t.Errorf("the nodes have %q connections, want %q", got, want)
	}
	traffic := inquireAll(t, c.Nodes[1], "GetRoomTraffic", map[string]string{"identifier": room})
	names, sessions := traffic.each("nodes", "node"), traffic.each("nodes", "sessions")
	if want := []string{"2", "1", "1"}; !slices.Equal(names, all) || !slices.Equal(sessions, want) {
		t.Errorf("%q have %q sessions, want %q to have %q", names, sessions, all, want)
	}
	deliveries := inquireAll(t, c.Nodes[1], "GetLogDeliveries", nil)
	if names := deliveries.each("deliveries", "node"); !slices.Equal(names, all) {
		t.Errorf("deliveries of logs from %q, want %q", names, all)
	}
	t.Run("one does not answer", func(t *testing.T) { trySilentNode(t, c, room) })
}

// chatOnEachNode has a user of each node say something in a room that is logged.
func chatOnEachNode(t *testing.T, c *parleytest.Cluster) (room string) {
	t.Helper()
	logs := c.Call(t, "CreateLoggingConfiguration", map[string]any{
		"destinationConfiguration": map[string]any{"s3": map[string]string{"bucketName": "logs"}}})
	room = c.CreateRoom(t, map[string]any{
		"loggingConfigurationIdentifiers": []any{logs.Body["arn"]}})
	for i, node := range c.Nodes {
		joinAndGreet(t, node, room, fmt.Sprint("user-", i))
	}
	return room
}

// joinAndGreet returns when the node counts the session.
func joinAndGreet(t *testing.T, node *parleytest.Server, room, user string) {
	t.Helper()
	u := node.Join(t, room, user, "SEND_MESSAGE")
	u.Say(t, "hello")
	u.Next(t)
}

// trySilentNode has a node that is alive answer no more. The others are told of, soon.
func trySilentNode(t *testing.T, c *parleytest.Cluster, room string) {
	app.Silence(c.Nodes[2].App)
	for operation, in := range map[string]any{
		"GetMetrics": nil, "GetRoomTraffic": map[string]string{"identifier": room}, "GetLogDeliveries": nil,
	} {
		list := "nodes"
		if operation == "GetLogDeliveries" {
			list = "deliveries"
		}
		const what = " tells of node-0 and node-1, and that node-2 does not answer"
		until(t, operation+what, func() bool {
			began := time.Now()
			a := inquire(t, c.Nodes[0], operation, in)
			if took := time.Since(began); took > 10*time.Second { // without a limit, for ever
				t.Errorf("%s took %s, want 1.5 s or little more", operation, took)
			}
			return slices.Equal(a.each(list, "node"), []string{"node-0", "node-1"}) &&
				fmt.Sprint(a.body["missing"]) == "[node-2]"
		})
	}
}

// inquireAll returns what all nodes answer. On a busy machine, one may take longer than it
// is waited for.
func inquireAll(t *testing.T, srv *parleytest.Server, operation string, in any) (r report) {
	t.Helper()
	until(t, "all nodes answer", func() bool {
		r = inquire(t, srv, operation, in)
		return r.body["missing"] == nil
	})
	return r
}

// TestOneNodeHasNoName asks a server that is alone.
func TestOneNodeHasNoName(t *testing.T) {
	srv := parleytest.StartOne(t)
	if names := inquire(t, srv, "GetMetrics", nil).each("nodes", "node"); !slices.Equal(names, []string{""}) {
		t.Errorf("metrics of the nodes %q, want one without a name", names)
	}
}

// report is what an extension answers.
type report struct{ body map[string]any }

func inquire(t *testing.T, srv *parleytest.Server, operation string, in any) report {
	t.Helper()
	if in == nil {
		in = struct{}{}
	}
	a := srv.Call(t, "parley/"+operation, in)
	if a.Status != 200 {
		t.Fatalf("%s: %+v", operation, a)
	}
	return report{a.Body}
}

// each returns a member of each entry of a list.
func (r report) each(list, member string) []string {
	var found []string
	entries, _ := r.body[list].([]any)
	for _, entry := range entries {
		found = append(found, fmt.Sprint(entry.(map[string]any)[member]))
	}
	return found
}

// connections returns how many connections each node says that it has.
func (r report) connections() []string {
	var found []string
	for _, node := range r.body["nodes"].([]any) {
		for _, value := range node.(map[string]any)["metrics"].([]any) {
			if m := value.(map[string]any); m["name"] == "parley_connections" {
				found = append(found, fmt.Sprint(m["value"]))
			}
		}
	}
	return found
}
