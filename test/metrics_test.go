package test

// What /metrics says, beside what clients have counted.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

// families reads /metrics as Prometheus does.
func families(t *testing.T, admin string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(bytes.NewReader(page(t, admin+"/metrics")))
	if err != nil {
		t.Fatalf("/metrics is not in Prometheus's form: %v", err)
	}
	return all
}

// samples returns the series of this program that count things or tell a state which a
// client knows, by their names with labels in order.
func samples(all map[string]*dto.MetricFamily, names ...string) map[string]float64 {
	found := map[string]float64{}
	for _, name := range names {
		for _, m := range all[name].GetMetric() {
			found[seriesName(name, m)] = valueOf(m)
		}
	}
	return found
}

func seriesName(name string, m *dto.Metric) string {
	var labels []string
	for _, l := range m.GetLabel() {
		labels = append(labels, l.GetName()+"="+l.GetValue())
	}
	slices.Sort(labels)
	return strings.TrimSuffix(name+" "+strings.Join(labels, " "), " ")
}

// valueOf returns the value of a counter or gauge, or how often a histogram observed
// something.
func valueOf(m *dto.Metric) float64 {
	if m.Histogram != nil {
		return float64(m.Histogram.GetSampleCount())
	}
	return m.GetCounter().GetValue() + m.GetGauge().GetValue()
}

// census is a client that counts what it does.
type census struct {
	*parleytest.Server
	t    *testing.T
	want map[string]float64 // by seriesName
}

func (c *census) count(series string, n int) { c.want[series] += float64(n) }

// call makes a call of the control plane.
func (c *census) call(operation string, in map[string]any, outcome string) parleytest.Answer {
	c.t.Helper()
	a := c.Call(c.t, operation, in)
	if (a.Status < 300) != (outcome == "ok") {
		c.t.Fatalf("%s: %+v, want %s", operation, a, outcome)
	}
	c.count("parley_api_duration_seconds operation="+operation+" outcome="+outcome, 1)
	return a
}

func (c *census) createRoom() string {
	c.t.Helper()
	return c.call("CreateRoom", map[string]any{"maximumMessageRatePerSecond": 2}, "ok").Body["arn"].(string)
}

func (c *census) token(room, user string, capabilities ...string) string {
	c.t.Helper()
	return c.call("CreateChatToken", map[string]any{"roomIdentifier": room, "userId": user,
		"capabilities": capabilities}, "ok").Body["token"].(string)
}

// join opens a session.
func (c *census) join(room, user string, capabilities ...string) *parleytest.User {
	c.t.Helper()
	u, err := c.Dial(c.t, c.token(room, user, capabilities...))
	if err != nil {
		c.t.Fatalf("join as %s: %v", user, err)
	}
	u.ID = user
	c.count("parley_handshakes_total outcome=ok", 1)
	c.count("parley_connections", 1)
	return u
}

// refused has a handshake refused.
func (c *census) refused(token string, status int, outcome string) {
	c.t.Helper()
	_, err := c.Dial(c.t, token)
	var got ws.StatusError
	if !errors.As(err, &got) || int(got) != status {
		c.t.Fatalf("the handshake: %v, want status %d", err, status)
	}
	c.count("parley_handshakes_total outcome="+outcome, 1)
}

// receive has all that are in the room receive one frame that an action led to.
func (c *census) receive(action string, all ...*parleytest.User) parleytest.Frame {
	c.t.Helper()
	var frame parleytest.Frame
	for _, u := range all {
		if frame = u.Next(c.t); frame.Type == "ERROR" {
			c.t.Fatalf("%s received %+v, want what %s led to", u.ID, frame, action)
		}
	}
	c.count("parley_requests_total action="+action, 1)
	c.count("parley_deliveries_total action="+action, len(all))
	if action == "SEND_MESSAGE" {
		c.count("parley_billed_messages_total direction=sent", 1)
		c.count("parley_billed_messages_total direction=delivered", len(all))
	}
	return frame
}

// fail has a request refused with an ERROR.
func (c *census) fail(u *parleytest.User, request string, code int, name string) {
	c.t.Helper()
	u.Send(c.t, request)
	if frame := u.Next(c.t); frame.ErrorCode != code {
		c.t.Fatalf("%.80s: received %+v, want ERROR %d", request, frame, code)
	}
	c.count("parley_refusals_total code="+name, 1)
}

// counted are the metrics that a client can count, too.
var counted = []string{"parley_api_duration_seconds", "parley_handshakes_total",
	"parley_connections", "parley_connections_limit", "parley_open_rooms", "parley_requests_total",
	"parley_refusals_total", "parley_throttled_total", "parley_deliveries_total",
	"parley_billed_messages_total", "parley_sessions_ended_total", "parley_pending_requests",
	"parley_blocked_sessions", "parley_send_queue_bytes", "parley_store_can_save",
	"parley_bus_waiting_events", "parley_cluster_nodes", "parley_quota_used", "parley_quota_limit"}

// agree checks that the server has counted what the client has.
func (c *census) agree(when string) {
	c.t.Helper()
	var diff string
	for begin := time.Now(); time.Since(begin) < patience; { // the last of it may take a moment
		if diff = cmp.Diff(c.want, samples(families(c.t, c.Admin), counted...)); diff == "" {
			return
		}
	}
	c.t.Errorf("%s, clients and /metrics disagree (-clients +server):\n%s", when, diff)
}

const (
	sayHello = `{"Action":"SEND_MESSAGE","Content":"hello"}`
	allRight = "SEND_MESSAGE DELETE_MESSAGE DISCONNECT_USER"
)

func newCensus(t *testing.T, options ...func(*app.Config)) *census {
	c := &census{Server: parleytest.StartOne(t, append(options, func(cfg *app.Config) {
		cfg.MaxSessions = 100
		cfg.Limits = map[string]int{"connections": 4, "connections_per_address": 0, "deletes": 2}
	})...), t: t, want: map[string]float64{}}
	for series, value := range map[string]float64{"parley_connections": 0,
		"parley_connections_limit": 100, "parley_open_rooms": 0, "parley_pending_requests": 0,
		"parley_blocked_sessions": 0, "parley_send_queue_bytes": 0, "parley_store_can_save": 1,
		"parley_bus_waiting_events": 0, "parley_cluster_nodes": 1,
	} {
		c.want[series] = value
	}
	return c
}

// TestMetricsAgreeWithClients has clients do everything of which metrics tell, and
// refused in every way, and compares what they have counted with /metrics.
func TestMetricsAgreeWithClients(t *testing.T) {
	c := newCensus(t)
	c.agree("at the start")
	room := c.createRoom()
	ana := c.join(room, "ana", strings.Fields(allRight)...)
	ben := c.join(room, "ben")
	c.count("parley_open_rooms", 1)
	c.messages(ana, ben)
	c.refusals(ana, ben)
	c.events(room, ana, ben)
	c.handshakes(room)
	world := " account=000000000000 "
	for quota, use := range map[string][2]float64{
		"connections": {2, 4}, "rooms": {1, 50_000}, "logging_configurations": {0, 10},
	} {
		c.want["parley_quota_used"+world+"quota="+quota+" region=us-east-1"] = use[0]
		c.want["parley_quota_limit quota="+quota] = use[1]
	}
	c.agree("with two sessions open")
	c.leave(room, ana, ben)
}

// messages sends some, until the room, which takes two a second, takes no more.
func (c *census) messages(ana, ben *parleytest.User) {
	for {
		ana.Send(c.t, sayHello)
		if frame := ana.Next(c.t); frame.ErrorCode == 429 {
			break
		}
		c.receive("SEND_MESSAGE", ben)
		c.count("parley_deliveries_total action=SEND_MESSAGE", 1) // to ana
		c.count("parley_billed_messages_total direction=delivered", 1)
	}
	c.count("parley_refusals_total code=throttled", 1)
	c.count("parley_throttled_total action=SEND_MESSAGE scope=room", 1)
	ana.Send(c.t, `{"Action":"DELETE_MESSAGE","Id":"abcdefghijkl"}`)
	c.receive("DELETE_MESSAGE", ana, ben)
}

// refusals has requests refused, for each reason that there is.
func (c *census) refusals(ana, ben *parleytest.User) {
	c.fail(ana, `{"Action":"SEND_MESSAGE"}`, 400, "invalid")
	c.fail(ana, `not JSON`, 400, "invalid")
	c.fail(ben, sayHello, 403, "access_denied")
	c.fail(ana, `{"Action":"SEND_MESSAGE","Content":"`+strings.Repeat("c", 20<<10)+`"}`, 413, "too_large")
	if err := wsutil.WriteClientBinary(ana.Conn, []byte(sayHello)); err != nil {
		c.t.Fatal(err)
	}
	if frame := ana.Next(c.t); frame.ErrorCode != 400 {
		c.t.Fatalf("received %+v after a binary message, want ERROR 400", frame)
	}
	c.count("parley_refusals_total code=invalid", 1)
	// ana has made eight requests in this second, of ten.
	for throttled := 0; throttled < 2; {
		ana.Send(c.t, `{"Action":"SING"}`)
		switch frame := ana.Next(c.t); frame.ErrorCode {
		case 400:
			c.count("parley_refusals_total code=invalid", 1)
		case 429:
			throttled++
			c.count("parley_refusals_total code=throttled", 1)
			c.count("parley_throttled_total action=unknown scope=connection", 1)
		default:
			c.t.Fatalf("received %+v, want ERROR 400 or 429", frame)
		}
	}
}

// events has backends send some, and be refused.
func (c *census) events(room string, all ...*parleytest.User) {
	c.call("SendEvent", map[string]any{"roomIdentifier": room, "eventName": "x"}, "ok")
	c.receive("SEND_EVENT", all...)
	for throttled := false; !throttled; {
		a := c.Call(c.t, "DeleteMessage", map[string]any{"roomIdentifier": room, "id": "abcdefghijkl"})
		if throttled = a.Status == http.StatusTooManyRequests; throttled {
			c.count("parley_api_duration_seconds operation=DeleteMessage outcome=throttled", 1)
			c.count("parley_throttled_total action=DELETE_MESSAGE scope=account", 1)
			break
		}
		c.count("parley_api_duration_seconds operation=DeleteMessage outcome=ok", 1)
		c.receive("DELETE_MESSAGE", all...)
	}
	c.call("GetRoom", map[string]any{"identifier": "lobby"}, "invalid")
	c.call("DeleteRoom", map[string]any{"identifier": room[:len(room)-12] + "aaaaaaaaaaaa"}, "not_found")
	if a := c.Call(c.t, "Sing", nil); a.Status != http.StatusNotFound {
		c.t.Fatalf("Sing: %+v", a)
	}
	c.count("parley_api_duration_seconds operation=unknown outcome=unknown_operation", 1)
}

// handshakes has some refused, for each reason that there is.
func (c *census) handshakes(room string) {
	c.refused("no-token", 401, "unauthenticated")
	other := c.createRoom()
	late := c.token(other, "cem")
	c.call("DeleteRoom", map[string]any{"identifier": other}, "ok")
	c.refused(late, 404, "not_found")
	res, err := http.Get(c.URL)
	if err != nil || res.StatusCode != http.StatusUpgradeRequired {
		c.t.Fatalf("a request without an upgrade: %v %v", res, err)
	}
	_ = res.Body.Close()
	c.count("parley_handshakes_total outcome=invalid", 1)
	cem, dan := c.join(room, "cem"), c.join(room, "dan")
	c.refused(c.token(room, "eve"), 429, "throttled")
	c.count("parley_throttled_total action=CONNECT scope=account", 1)
	for _, u := range []*parleytest.User{cem, dan} {
		_ = u.Conn.Close()
		c.count("parley_connections", -1)
		c.count("parley_sessions_ended_total reason=peer", 1)
	}
}

// leave ends all sessions.
func (c *census) leave(room string, ana, ben *parleytest.User) {
	c.call("DisconnectUser", map[string]any{"roomIdentifier": room, "userId": "ben"}, "ok")
	c.receive("DISCONNECT_USER", ana, ben)
	_, _ = ben.Read() // the Close frame, which it answers
	_ = ana.Conn.Close()
	c.count("parley_connections", -2)
	c.count("parley_open_rooms", -1)
	c.count("parley_sessions_ended_total reason=disconnected", 1)
	c.count("parley_sessions_ended_total reason=peer", 1)
	maps.DeleteFunc(c.want, func(series string, _ float64) bool {
		return strings.HasPrefix(series, "parley_quota_used") && strings.Contains(series, "quota=connections")
	})
	c.want["parley_quota_used account=000000000000 quota=connections region=us-east-1"] = 0
	c.agree("after all have left")
	if peak := samples(families(c.t, c.Admin), "parley_connections_peak"); peak["parley_connections_peak"] != 4 {
		c.t.Errorf("the peak is %v, want the 4 sessions that were open at once", peak)
	}
}

// TestThrottledByEveryLimit goes over the limits of an address and of an operation, which
// TestMetricsAgreeWithClients leaves alone.
func TestThrottledByEveryLimit(t *testing.T) {
	srv := parleytest.StartOne(t, func(cfg *app.Config) {
		cfg.Limits = map[string]int{"connections_per_address": 1, "GetRoom": 1}
	})
	room := srv.CreateRoom(t, nil)
	srv.Join(t, room, "ana")
	if _, err := srv.Dial(t, srv.Token(t, room, "ben")); err == nil {
		t.Error("a second session from one address was opened, want 429")
	}
	for srv.Call(t, "GetRoom", map[string]any{"identifier": room}).Status != http.StatusTooManyRequests {
	}
	want := map[string]float64{"parley_throttled_total action=CONNECT scope=address": 1,
		"parley_throttled_total action=GetRoom scope=api": 1}
	got := samples(families(t, srv.Admin), "parley_throttled_total")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("/metrics (-want +got):\n%s", diff)
	}
}

// TestTopRooms has two rooms, in one of which more happens.
func TestTopRooms(t *testing.T) {
	srv := parleytest.StartOne(t)
	quiet, busy := srv.CreateRoom(t, nil), srv.CreateRoom(t, nil)
	srv.Join(t, quiet, "ana")
	ben, cem := srv.Join(t, busy, "ben", "SEND_MESSAGE"), srv.Join(t, busy, "cem")
	ben.Say(t, "hello")
	cem.Next(t)
	get := func(query string) (int, string) {
		res, err := http.Get(srv.Admin + "/rooms" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, strings.TrimSpace(string(body))
	}
	first := fmt.Sprintf(`{"rooms":[{"room":%q,"sessions":2,"frames":1,"deliveries":2,`, busy)
	second := fmt.Sprintf(`,{"room":%q,"sessions":1,"frames":0,"deliveries":0,`+
		`"deliveries_last_minute":0}]}`, quiet)
	if status, body := get(""); status != http.StatusOK || !strings.HasPrefix(body, first) ||
		!strings.HasSuffix(body, second) {
		t.Errorf("/rooms answered %d %s, want the busy room and then the quiet one", status, body)
	}
	if _, body := get("?top=1"); !strings.Contains(body, busy) || strings.Contains(body, quiet) {
		t.Errorf("/rooms?top=1 answered %s, want the busy room alone", body)
	}
	for _, query := range []string{"?top=0", "?top=1001", "?top=x"} {
		if status, _ := get(query); status != http.StatusBadRequest {
			t.Errorf("/rooms%s answered %d, want 400", query, status)
		}
	}
	if status, _ := get("?top=1000"); status != http.StatusOK {
		t.Errorf("/rooms?top=1000 answered %d, want 200", status)
	}
}

// TestRoomTraffic watches a room while a message and an event go through it, and when
// nobody is left in it. Its sessions are on one node.
func TestRoomTraffic(t *testing.T) {
	srv := parleytest.Start(t)
	node := srv.Node(0)
	room := srv.CreateRoom(t, nil)
	want := func(when string, sessions, frames, deliveries float64) {
		t.Helper()
		eventually(t, logPatience, func() error {
			got, err := trafficOf(srv.Call(t, "parley/GetRoomTraffic", map[string]string{"identifier": room}))
			want := map[string]float64{"sessions": sessions, "frames": frames, "deliveries": deliveries}
			if err != nil || !maps.Equal(got, want) {
				return fmt.Errorf("%s: traffic %v (%v), want %v", when, got, err, want)
			}
			return nil
		})
	}
	want("before anybody came", 0, 0, 0)
	ana, ben := node.Join(t, room, "ana", "SEND_MESSAGE"), node.Join(t, room, "ben")
	want("with two users", 2, 0, 0)
	ana.Say(t, "hello")
	ben.Next(t)
	want("after a message", 2, 1, 2)
	srv.Call(t, "SendEvent", map[string]string{"roomIdentifier": room, "eventName": "poll"})
	want("after an event", 2, 2, 4)
	_ = errors.Join(ana.Conn.Close(), ben.Conn.Close())
	want("after all have left", 0, 0, 0)
}

// trafficOf adds up what the nodes say of a room. All of them have to say something.
func trafficOf(a parleytest.Answer) (map[string]float64, error) {
	nodes, _ := a.Body["nodes"].([]any)
	if len(nodes) != parleytest.Nodes() {
		return nil, fmt.Errorf("%v tells of %d nodes, want %d", a, len(nodes), parleytest.Nodes())
	}
	total := map[string]float64{}
	for _, node := range nodes {
		for name, value := range node.(map[string]any) {
			if number, ok := value.(float64); ok {
				total[name] += number
			}
		}
	}
	return total, nil
}
