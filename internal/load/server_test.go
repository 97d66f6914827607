package load_test

import (
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/load"
	"github.com/parley-chat/parley/internal/parleytest"
)

func key(secret string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "test", SecretAccessKey: secret}, nil
	})
}

// targetOf returns a server that is looked at through its admin listener.
func targetOf(s *parleytest.Server) load.Target {
	return load.Target{URL: s.URL, Region: parleytest.Region, Credentials: key("test"),
		Probe: load.AdminProbe{URL: s.Admin}}
}

func noQuotas(cfg *app.Config) { cfg.Quotas = parley.NoQuotas }

var small = load.FanoutConfig{
	Rooms: 2, Receivers: 5, Senders: 2, ContentBytes: 150, Outstanding: 4,
	Duration: 200 * time.Millisecond, WarmUp: 50 * time.Millisecond, ConnectConcurrency: 4,
}

func TestFanoutOfTheServer(t *testing.T) {
	s := parleytest.Start(t, noQuotas)
	for _, rate := range []float64{0, 500} {
		cfg := small
		cfg.Rate = rate
		r, err := load.Fanout(t.Context(), targetOf(s), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Problem(); err != nil {
			t.Errorf("rate %v: %v", rate, err)
		}
		if r.Messages == 0 || r.Server == nil || r.Server.ResidentBytesBefore == 0 {
			t.Errorf("rate %v: %+v", rate, r)
		}
	}
	if rooms := s.Call(t, "ListRooms", nil).Body["rooms"].([]any); len(rooms) > 0 {
		t.Errorf("%d rooms are left: %v", len(rooms), rooms)
	}
}

// TestGivenRoomIsKept uses a room that others chat in.
func TestGivenRoomIsKept(t *testing.T) {
	s := parleytest.Start(t, noQuotas)
	cfg := small
	cfg.Rooms, cfg.Room = 1, s.CreateRoom(t, nil)
	s.Join(t, cfg.Room, "ana", "SEND_MESSAGE").Say(t, "hello")
	r, err := load.Fanout(t.Context(), targetOf(s), cfg, nil)
	if err != nil || r.Problem() != nil {
		t.Fatalf("got %v, %+v", err, r)
	}
	if a := s.Call(t, "GetRoom", map[string]string{"identifier": cfg.Room}); a.Status != 200 {
		t.Errorf("the room is gone: %+v", a)
	}
}

func TestRawFrameIsAsLong(t *testing.T) {
	s := parleytest.Start(t, noQuotas)
	r, err := load.Fanout(t.Context(), targetOf(s), small, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The time in a frame loses its trailing zeros, nine digits at most, and a dot.
	if want := load.RawFrameBytes(small.ContentBytes); r.FrameBytes > want || r.FrameBytes < want-10 {
		t.Errorf("frames have %d bytes, raw ones %d", r.FrameBytes, want)
	}
}

func TestConnectToTheServer(t *testing.T) {
	s := parleytest.Start(t, noQuotas)
	r, err := load.Connect(t.Context(), targetOf(s), load.ConnectConfig{
		Clients: 20, Concurrency: 4, Churn: 100 * time.Millisecond, Hold: 10 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Problem(); err != nil || r.Handshakes <= 20 || r.Sessions != 20 {
		t.Errorf("problem %v; %+v", err, r)
	}
}

func TestMintOfTheServer(t *testing.T) {
	s := parleytest.Start(t, noQuotas)
	r, err := load.Mint(t.Context(), targetOf(s), load.MintConfig{
		Connections: 4, Duration: 100 * time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Problem(); err != nil || r.Calls == 0 {
		t.Errorf("problem %v; %+v", err, r)
	}
}

// TestQuotasAreNamed has the server enforce the documented quotas.
func TestQuotasAreNamed(t *testing.T) {
	s := parleytest.Start(t)
	cfg := small
	cfg.Rooms, cfg.Senders, cfg.Rate = 1, 1, 200 // of 10 that one session may send
	r, err := load.Fanout(t.Context(), targetOf(s), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = r.Problem()
	if err == nil || !strings.Contains(err.Error(), "429 rate limit exceeded") ||
		!strings.Contains(err.Error(), "--quotas none") || r.Lost != 0 {
		t.Errorf("problem %v, %d lost; want 429, what to do about it, and no loss", err, r.Lost)
	}
}

func TestErrorsSayWhy(t *testing.T) {
	s := parleytest.Start(t, noQuotas)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	_ = l.Close()
	for _, tt := range []struct {
		name   string
		change func(*load.Target)
		want   string
	}{
		{"nobody listens", func(t *load.Target) { t.URL = nobody }, "connection refused"},
		{"wrong secret", func(t *load.Target) { t.Credentials = key("wrong") },
			"CreateRoom: 403 InvalidSignatureException: The request signature"},
		{"another region", func(t *load.Target) { t.Region = "mars-north-1" }, "CreateRoom: 403 "},
		{"no chat there", func(t *load.Target) { t.ChatURLs = []string{s.Admin} }, "the handshake was refused: 404"},
		{"nobody chats", func(t *load.Target) { t.ChatURLs = []string{nobody} }, "connection refused"},
		{"strange URL", func(t *load.Target) { t.ChatURLs = []string{"localhost:8080"} }, "begins with ws://"},
		{"no metrics there", func(t *load.Target) { t.Probe = load.AdminProbe{URL: s.URL} },
			"is this the admin listener?"},
	} {
		target := targetOf(s)
		tt.change(&target)
		_, err := load.Fanout(t.Context(), target, small, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

func TestProbesAgree(t *testing.T) {
	s := parleytest.Start(t)
	admin, err := load.AdminProbe{URL: s.Admin}.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own, err := load.ProcessProbe{PID: os.Getpid()}.Usage(t.Context())
	if err != nil {
		t.Skip(err) // not on this system
	}
	if own.Memory < 1<<20 || own.Memory > 2*admin.Memory || admin.Memory > 2*own.Memory {
		t.Errorf("the admin listener tells %d bytes, the system %d", admin.Memory, own.Memory)
	}
	if off := (own.CPU - admin.CPU).Abs(); off > time.Second {
		t.Errorf("the admin listener tells %s of CPU, the system %s", admin.CPU, own.CPU)
	}
	if _, err := (load.ProcessProbe{PID: 1 << 30}).Usage(t.Context()); err == nil {
		t.Error("a process that does not exist has usage")
	}
}

func TestCheckFiles(t *testing.T) {
	if err := load.CheckFiles(1); err != nil {
		t.Error(err)
	}
	err := load.CheckFiles(1 << 40)
	if err == nil || !strings.Contains(err.Error(), "ulimit -n 1099511627840") {
		t.Errorf("got %v, want what to do", err)
	}
}
