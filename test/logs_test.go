package test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/chatlog/awstest"
	"github.com/parley-chat/parley/internal/parleytest"
)

// logRecord is a record of a chat log.
type logRecord struct {
	EventTimestamp string           `json:"event_timestamp"`
	Type           string           `json:"type"`
	Payload        parleytest.Frame `json:"payload"`
	Version        string           `json:"version"`
	text           string
}

// name returns what tells the record from others: its content, or that of an event.
func (r logRecord) name() string { return r.Payload.Content + r.Payload.EventName }

func parseRecord(text string) (r logRecord, err error) {
	r.text = text
	return r, json.Unmarshal([]byte(text), &r)
}

// readLogs returns the records in a folder, without looking at how it is laid out.
func readLogs(folder string) (records []logRecord, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".log.gz") {
			return err
		}
		some, err := readLog(path)
		records = append(records, some...)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return records, err
}

func readLog(path string) (records []logRecord, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		r, err := parseRecord(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		records = append(records, r)
	}
	return records, nil
}

// eventually calls try until it returns nil.
func eventually(t *testing.T, patience time.Duration, try func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %s: %v", patience, err)
		}
	}
}

const logPatience = patience // for what must happen to logs

// createLogging makes a logging configuration and returns its ARN.
func createLogging(t *testing.T, c *parleytest.Client, kind, member, name string) string {
	t.Helper()
	a := c.Call(t, "CreateLoggingConfiguration", map[string]any{
		"destinationConfiguration": map[string]any{kind: map[string]string{member: name}}})
	if a.Status != http.StatusOK {
		t.Fatalf("CreateLoggingConfiguration: %+v", a)
	}
	return a.Body["arn"].(string)
}

func logged(configurations ...string) map[string]any {
	return map[string]any{"loggingConfigurationIdentifiers": configurations}
}

// startLogged starts a server that logs to an API of Firehose, every second.
func startLogged(t *testing.T, options ...func(*app.Config)) (*parleytest.Server, *awstest.Server) {
	t.Helper()
	api := awstest.Start(t, nil, []string{"stream", "other"})
	t.Setenv("LOGS_SECRET", "secret")
	srv := parleytest.StartOne(t, append(options, func(cfg *app.Config) {
		cfg.Logs.Flush = time.Second
		cfg.Logs.Destinations = []config.LogDestinationConfig{{
			Firehose: "*", Endpoint: api.URL, AccessKeyID: "test", SecretEnv: "LOGS_SECRET"}}
	})...)
	return srv, api
}

// wantLogged waits until a stream has exactly the named records, in order.
func wantLogged(t *testing.T, api *awstest.Server, stream string, want ...string) (records []logRecord) {
	t.Helper()
	eventually(t, logPatience, func() error {
		records = nil
		var names []string
		for _, text := range api.Records(stream) {
			r, err := parseRecord(text)
			if err != nil {
				return err
			}
			records = append(records, r)
			names = append(names, r.name())
		}
		if !slices.Equal(names, want) {
			return fmt.Errorf("the log has %q, want %q", names, want)
		}
		return nil
	})
	return records
}

// TestWhatIsLogged has everything happen in a room that can: what everybody receives
// is logged as it was received, but for disconnections, and nothing else.
func TestWhatIsLogged(t *testing.T) {
	srv, api := startLogged(t)
	c := createLogging(t, srv.Client, "firehose", "deliveryStreamName", "stream")
	room := srv.CreateRoom(t, logged(c))
	silent := srv.CreateRoom(t, nil) // is not logged
	event := func(room, name string) {
		t.Helper()
		a := srv.Call(t, "SendEvent", map[string]any{"roomIdentifier": room, "eventName": name})
		if a.Status != http.StatusOK {
			t.Fatalf("SendEvent: %+v", a)
		}
	}
	event(room, "nobody is here")
	event(silent, "nobody listens")
	ana := srv.Join(t, room, "ana", "SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER")
	ana.Send(t, `{"Action":"SEND_MESSAGE","Content":"one","RequestId":"r1","Attributes":{"k":"v"}}`)
	one := ana.Next(t)
	ana.Send(t, `{"Action":"SEND_MESSAGE","Content":""}`) // is refused
	if refused := ana.Next(t); refused.Type != "ERROR" {
		t.Fatalf("an empty message was answered with %+v", refused)
	}
	ana.Send(t, fmt.Sprintf(`{"Action":"DELETE_MESSAGE","Id":%q,"Reason":"rude"}`, one.ID))
	ana.Next(t)
	ana.Send(t, `{"Action":"DISCONNECT_USER","UserId":"ben"}`)
	ana.Next(t)
	for operation, member := range map[string][2]string{
		"DisconnectUser": {"userId", "cleo"}, "DeleteMessage": {"id", one.ID},
	} {
		a := srv.Call(t, operation, map[string]any{"roomIdentifier": room, member[0]: member[1]})
		if a.Status != http.StatusOK {
			t.Fatalf("%s: %+v", operation, a)
		}
	}
	ana.Say(t, "two")
	records := wantLogged(t, api, "stream", "nobody is here", "one", "aws:DELETE_MESSAGE",
		"aws:DELETE_MESSAGE", "two")
	got := records[1]
	if got.Type != "MESSAGE" || got.Payload.ID != one.ID || got.Payload.RequestID != "r1" ||
		got.Payload.Sender.UserID != "ana" || got.Payload.Attributes["k"] != "v" || got.Version != "1.0" ||
		got.EventTimestamp != one.SendTime.Format("2006-01-02T15:04:05.000Z") {
		t.Errorf("a message was logged as %s, want as it was received: %+v", got.text, one)
	}
	if got := records[2]; got.Type != "EVENT" || got.Payload.Attributes["MessageId"] != one.ID ||
		got.Payload.Attributes["MessageID"] != one.ID || got.Payload.Attributes["Reason"] != "rude" {
		t.Errorf("a deletion was logged as %s", got.text)
	}
	if !strings.Contains(records[4].text, `"Attributes":{},"Content":"two"`) {
		t.Errorf("a message without attributes was logged as %s, want an empty map", records[4].text)
	}
}

// TestChangesOfWhatIsLogged changes the configurations of a room while it is used.
func TestChangesOfWhatIsLogged(t *testing.T) {
	srv, api := startLogged(t)
	a := createLogging(t, srv.Client, "firehose", "deliveryStreamName", "stream")
	b := createLogging(t, srv.Client, "firehose", "deliveryStreamName", "other")
	room := srv.CreateRoom(t, nil)
	ana := srv.Join(t, room, "ana", "SEND_MESSAGE")
	for i, configurations := range [][]string{{}, {a}, {b, a}, {b}, {}} {
		settings := logged(configurations...)
		settings["identifier"] = room
		if a := srv.Call(t, "UpdateRoom", settings); a.Status != http.StatusOK {
			t.Fatalf("UpdateRoom: %+v", a)
		}
		ana.Say(t, fmt.Sprint(i))
		ana.Next(t)
	}
	wantLogged(t, api, "stream", "1", "2")
	wantLogged(t, api, "other", "2", "3")
	deleted := srv.Call(t, "DeleteLoggingConfiguration", map[string]string{"identifier": a})
	if deleted.Status != http.StatusNoContent {
		t.Errorf("DeleteLoggingConfiguration: %+v", deleted)
	}
}

// TestProbedDestinations has the server look for destinations.
func TestProbedDestinations(t *testing.T) {
	srv, _ := startLogged(t, func(cfg *app.Config) { cfg.Logs.Probe = true })
	name := func(stream string) map[string]any {
		return map[string]any{"firehose": map[string]string{"deliveryStreamName": stream}}
	}
	c := createLogging(t, srv.Client, "firehose", "deliveryStreamName", "stream")
	for operation, members := range map[string]map[string]any{
		"CreateLoggingConfiguration": {"destinationConfiguration": name("missing")},
		"UpdateLoggingConfiguration": {"identifier": c, "destinationConfiguration": name("missing")},
	} {
		a := srv.Call(t, operation, members)
		if a.Status != http.StatusNotFound || a.Error != "ResourceNotFoundException" {
			t.Errorf("%s for a stream that is not there: %+v, want ResourceNotFoundException", operation, a)
		}
	}
	a := srv.Call(t, "UpdateLoggingConfiguration", map[string]any{
		"identifier": c, "destinationConfiguration": name("other")})
	if a.Status != http.StatusOK {
		t.Errorf("UpdateLoggingConfiguration: %+v", a)
	}
}

// TestLogsOfDevelopmentMode go to a temporary folder, which goes with the server.
func TestLogsOfDevelopmentMode(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	p := serve(t, "--dev")
	c := parleytest.Anonymous(t, p.url).As("test", "test")
	room := c.CreateRoom(t, logged(createLogging(t, c, "s3", "bucketName", "bucket")))
	ana := c.Join(t, room, "ana", "SEND_MESSAGE")
	ana.Say(t, "hello")
	ana.Next(t)
	found, err := filepath.Glob(filepath.Join(temporary, "parley-dev-*", "log-queue", "*"))
	if err != nil || len(found) != 1 {
		t.Errorf("queues %v, %v; want one", found, err)
	}
	p.stop()
	if found, _ := filepath.Glob(filepath.Join(temporary, "parley-dev-*")); len(found) > 0 {
		t.Errorf("%v are left", found)
	}
}

func TestMistakesInLogs(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "parley.yaml")
	if err := os.WriteFile(file, []byte(`
logs:
  queue_bytes: 1000
  queue_age: 9m
  window: 2h
  flush: 1ms
  grace: 1h
  nonsense: 1
  destinations:
    - s3: a
      firehose: b
    - s3: a
      directory: d
      endpoint: http://localhost
    - cloudwatch_logs: /a
      endpoint: localhost:1
      region: nowhere
      path_style: true
      access_key_id: a
    - firehose: a
      access_key_id: a
      secret_file: missing
`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(file)
	if err == nil {
		t.Fatal("the file was accepted")
	}
	for _, want := range []string{
		"nonsense", "window must be 1s to 1h0m0s", "flush must be 1s to 1m0s", "grace must be",
		"queue_age must be at least", "queue_bytes must be at least 1048576",
		"destinations[0]: want exactly one of s3", "destinations[1]: a directory needs no settings",
		"destinations[2]: endpoint must be an http", "destinations[2]: region", "destinations[2]: path_style",
		"destinations[2]: access_key_id needs", "destinations[3]: secret_file",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
}
