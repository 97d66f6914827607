package chatlog_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/chatlog"
	"github.com/parley-chat/parley/internal/chatlog/awstest"
	"github.com/parley-chat/parley/internal/hub"
)

// toAPIs maps all names to a server of the JSON APIs.
func toAPIs(s *awstest.Server) []chatlog.Mapping {
	var mappings []chatlog.Mapping
	for _, kind := range []parley.DestinationKind{
		parley.DestinationCloudWatchLogs, parley.DestinationFirehose} {
		mappings = append(mappings, chatlog.Mapping{Kind: kind, Pattern: "*", Endpoint: s.URL,
			AccessKeyID: "test", Secret: "secret"})
	}
	return mappings
}

// contentIDs returns the ids in records.
func contentIDs(t *testing.T, records []string) (all []string) {
	t.Helper()
	for _, r := range records {
		m := idPattern.FindStringSubmatch(r)
		if m == nil {
			t.Fatalf("the record %s has no id", r)
		}
		all = append(all, m[1])
	}
	return all
}

func wantSame(got, want []string) error {
	if !slices.Equal(got, want) {
		return fmt.Errorf("%d records %.60q…, want %d %.60q…", len(got), got, len(want), want)
	}
	return nil
}

func TestUnmappedNamesGoToTheFolder(t *testing.T) {
	s := start(t, nil)
	room, other := world.NewRoomARN(), world.NewRoomARN()
	for kind, name := range map[parley.DestinationKind]string{
		parley.DestinationS3: "chat-logs", parley.DestinationFirehose: "..",
		parley.DestinationCloudWatchLogs: "/chat/logs",
	} {
		c := s.create(kind, name)
		want := s.say(room, time.Now(), 10, c)
		s.say(other, time.Now(), 5, c)
		folder := map[string]string{"..": "%2E%2E", "/chat/logs": "%2Fchat%2Flogs"}[name]
		if folder == "" {
			folder = name
		}
		path := filepath.Join(s.folder, string(kind), folder, "AWSLogs", world.Account, "IVSChatLogs",
			"1.0", world.Region, "room_"+room.ID)
		eventually(t, func() error { return wantIDs(ids(files(t, path)), want) })
		for key, records := range files(t, path) {
			if !regexp.MustCompile(`^\d{4}/\d\d/\d\d/\d\d/` + world.Account + `_IVSChatLogs_1.0_` +
				world.Region + `_room_` + room.ID + `_\d{8}T\d\d[0-5][05]Z_[0-9a-f]{8}\.log\.gz$`).MatchString(key) {
				t.Errorf("the key %s has another form", key)
			}
			for i, r := range records {
				if r.Version != "1.0" || r.Type != "MESSAGE" || r.Payload.Content != fmt.Sprint(i) {
					t.Errorf("record %d of %s is %+v, want them in order", i, key, r)
				}
			}
		}
	}
}

func TestFirstMappingThatFitsCounts(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	s := start(t, nil,
		chatlog.Mapping{Kind: parley.DestinationFirehose, Pattern: "*", Directory: filepath.Join(dir, "no")},
		chatlog.Mapping{Kind: parley.DestinationS3, Pattern: "chat-?", Directory: a},
		chatlog.Mapping{Kind: parley.DestinationS3, Pattern: "chat-*", Directory: b})
	for name, folder := range map[string]string{
		"chat-1": filepath.Join(a, "chat-1"), "chat-22": filepath.Join(b, "chat-22"),
		"other": filepath.Join(s.folder, "s3", "other"),
	} {
		want := s.say(world.NewRoomARN(), time.Now(), 3, s.create(parley.DestinationS3, name))
		eventually(t, func() error { return wantIDs(ids(files(t, folder)), want) })
	}
}

// TestLateRecords has records of an earlier five minutes come with those of now.
func TestLateRecords(t *testing.T) {
	s := start(t, nil)
	c, room, now := s.create(parley.DestinationS3, "bucket"), world.NewRoomARN(), time.Now()
	want := append(s.say(room, now, 2, c), s.say(room, now.Add(-10*time.Minute), 3, c)...)
	eventually(t, func() error { return wantIDs(ids(files(t, s.folder)), want) })
	first := files(t, s.folder)
	late := s.say(room, now.Add(-10*time.Minute), 1, c)
	eventually(t, func() error { return wantIDs(ids(files(t, s.folder)), append(want, late...)) })
	for key, records := range files(t, s.folder) {
		if before, ok := first[key]; ok && len(before) != len(records) {
			t.Errorf("the object %s had %d records and has %d: objects are never written again",
				key, len(before), len(records))
		}
		for _, r := range records {
			stamp := r.EventTimestamp.Truncate(5 * time.Minute).Format("20060102T1504Z")
			if !strings.Contains(key, "_"+stamp+"_") {
				t.Errorf("a record of %s is in %s", r.EventTimestamp, key)
			}
		}
	}
}

func TestCloudWatchLogs(t *testing.T) {
	api := awstest.Start(t, []string{"group"}, nil)
	s := start(t, nil, toAPIs(api)...)
	c := s.create(parley.DestinationCloudWatchLogs, "group")
	a, b := world.NewRoomARN(), world.NewRoomARN()
	wantA, wantB := s.say(a, time.Now(), 50, c), s.say(b, time.Now(), 20, c)
	for room, want := range map[parley.ARN][]string{a: wantA, b: wantB} {
		eventually(t, func() error {
			return wantSame(contentIDs(t, api.Events("group", "aws/IVSChatLogs/1.0/room_"+room.ID)), want)
		})
	}
	for _, e := range api.Events("group", "aws/IVSChatLogs/1.0/room_"+a.ID) {
		if strings.HasSuffix(e, "\n") || !strings.HasSuffix(e, `,"version":"1.0"}`) {
			t.Errorf("an event is %q, want a record without a newline", e)
		}
	}
	if got := len(api.LogStreams("group")); got != 2 {
		t.Errorf("%d streams, want one for each room", got)
	}
}

// TestRejectedEvents has CloudWatch Logs refuse some events of a call that succeeds.
func TestRejectedEvents(t *testing.T) {
	api := awstest.Start(t, []string{"group"}, nil)
	calls := 0
	api.RejectEvents = func(events []logs.InputLogEvent) *logs.RejectedLogEventsInfo {
		if calls++; calls > 1 {
			return nil
		}
		return &logs.RejectedLogEventsInfo{TooOldLogEventEndIndex: aws.Int32(3),
			ExpiredLogEventEndIndex: aws.Int32(2), TooNewLogEventStartIndex: aws.Int32(8)}
	}
	s := start(t, nil, toAPIs(api)...)
	c, room := s.create(parley.DestinationCloudWatchLogs, "group"), world.NewRoomARN()
	said := s.say(room, time.Now(), 10, c)
	// Three are too old for good, and two are taken later.
	eventually(t, func() error {
		return wantSame(contentIDs(t, api.Events("group", "aws/IVSChatLogs/1.0/room_"+room.ID)), said[3:])
	})
	eventually(t, func() error {
		if st := s.Status()[c]; st.Dropped != 3 || st.Delivered != 7 {
			return fmt.Errorf("%d dropped and %d delivered, want 3 and 7", st.Dropped, st.Delivered)
		}
		return nil
	})
}

func TestFirehose(t *testing.T) {
	api := awstest.Start(t, nil, []string{"stream"})
	s := start(t, nil, toAPIs(api)...)
	c := s.create(parley.DestinationFirehose, "stream")
	want := s.say(world.NewRoomARN(), time.Now(), 1200, c)
	eventually(t, func() error { return wantSame(contentIDs(t, api.Records("stream")), want) })
	for _, r := range api.Records("stream") {
		if strings.Count(r, "\n") != 1 || !strings.HasSuffix(r, "}\n") {
			t.Errorf("a record is %q, want one line with its end", r)
		}
	}
}

// TestOnlyFailedRecordsAreSentAgain has Firehose refuse each seventh record once.
func TestOnlyFailedRecordsAreSentAgain(t *testing.T) {
	api := awstest.Start(t, nil, []string{"stream"})
	refused := map[string]bool{}
	api.RejectRecord = func(data string) bool {
		again := refused[data]
		refused[data] = true
		return !again && len(refused)%7 == 0
	}
	s := start(t, nil, toAPIs(api)...)
	c := s.create(parley.DestinationFirehose, "stream")
	want := s.say(world.NewRoomARN(), time.Now(), 700, c)
	eventually(t, func() error {
		got := contentIDs(t, api.Records("stream"))
		if err := wantIDs(got, want); err != nil {
			return err
		}
		if len(got) != len(want) {
			t.Fatalf("%d records arrived, want %d: none twice", len(got), len(want))
		}
		return nil
	})
	eventually(t, func() error {
		if got := s.Status()[c].Delivered; got != int64(len(want)) {
			return fmt.Errorf("%d records count as delivered, want %d", got, len(want))
		}
		return nil
	})
	if body := s.scrape(t); !strings.Contains(body,
		`parley_log_destination_errors_total{kind="other",logging_configuration="`+c.ID+`"} `) {
		t.Errorf("the metrics lack the failure:\n%s", body)
	}
}

// scrape returns what the metrics say.
func (s *stage) scrape(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "parley_log_") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestDeadDestination takes a destination away, and restarts the server meanwhile.
func TestDeadDestination(t *testing.T) {
	api := awstest.Start(t, []string{"group"}, []string{"stream"})
	s := start(t, nil, toAPIs(api)...)
	c1 := s.create(parley.DestinationCloudWatchLogs, "group")
	c2 := s.create(parley.DestinationFirehose, "stream")
	room := world.NewRoomARN()
	api.Stop()
	want := s.say(room, time.Now(), 100, c1, c2)
	eventually(t, func() error {
		for _, c := range []parley.ARN{c1, c2} {
			if st := s.Status()[c]; st.FailingSince == nil || st.ErrorKind != "other" || st.LastError == "" {
				return fmt.Errorf("the status is %+v, want a failure", st)
			}
		}
		return nil
	})
	for i := range 3 {
		s.close(t)
		s.open(t)
		want = append(want, s.say(room, time.Now().Add(time.Duration(i)*time.Second), 10, c1, c2)...)
	}
	if body := s.scrape(t); !strings.Contains(body, `parley_log_spool_bytes{logging_configuration="`+c1.ID+`"} `) ||
		!strings.Contains(body, `parley_log_lag_seconds{logging_configuration="`+c1.ID+`"} `) {
		t.Errorf("the metrics do not show the queue:\n%s", body)
	}
	api.Listen()
	eventually(t, func() error {
		return errors.Join(
			wantSame(contentIDs(t, api.Events("group", "aws/IVSChatLogs/1.0/room_"+room.ID)), want),
			wantSame(contentIDs(t, api.Records("stream")), want))
	})
	eventually(t, func() error {
		for _, c := range []parley.ARN{c1, c2} {
			if st := s.Status()[c]; st.FailingSince != nil || st.QueuedBytes > 0 || st.LagSeconds > 0 {
				return fmt.Errorf("the status is %+v, want all well", st)
			}
		}
		return nil
	})
	if n := strings.Count(s.log.String(), "chat logs are not delivered"); n == 0 || n > 2*4 {
		t.Errorf("%d lines about the failure in 4 processes, want one for each configuration", n)
	}
}

// TestKindsOfFailures checks how failures count, and that they do not end a delivery.
func TestKindsOfFailures(t *testing.T) {
	for _, tt := range []struct {
		name string
		awstest.Failure
		want string
	}{
		{"a group that is gone", awstest.Failure{Status: 400, Code: "ResourceNotFoundException"}, "not_found"},
		{"no rights", awstest.Failure{Status: 400, Code: "AccessDeniedException"}, "access_denied"},
		{"an unknown key", awstest.Failure{Status: 400, Code: "UnrecognizedClientException"}, "access_denied"},
		{"a closed door", awstest.Failure{Status: 403, Code: "Anything"}, "access_denied"},
		{"too many calls", awstest.Failure{Status: 400, Code: "ThrottlingException"}, "other"},
		{"a broken service", awstest.Failure{Status: 500, Code: "InternalFailure"}, "other"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			api := awstest.Start(t, []string{"group"}, nil)
			failing := true
			api.Fail = func(string) *awstest.Failure {
				if failing {
					return &tt.Failure
				}
				return nil
			}
			s := start(t, nil, toAPIs(api)...)
			c, room := s.create(parley.DestinationCloudWatchLogs, "group"), world.NewRoomARN()
			want := s.say(room, time.Now(), 3, c)
			line := `parley_log_destination_errors_total{kind="` + tt.want + `",logging_configuration="` + c.ID + `"} `
			eventually(t, func() error {
				if body := s.scrape(t); !strings.Contains(body, line) || s.Status()[c].ErrorKind != tt.want {
					return fmt.Errorf("the failure counts as %s; metrics:\n%s", s.Status()[c].ErrorKind, body)
				}
				return nil
			})
			unlock := api.Lock()
			failing = false
			unlock()
			eventually(t, func() error {
				return wantSame(contentIDs(t, api.Events("group", "aws/IVSChatLogs/1.0/room_"+room.ID)), want)
			})
		})
	}
}

// TestOneRoomFailsAlone has one stream of a group fail: the other rooms' go on.
func TestOneRoomFailsAlone(t *testing.T) {
	api := awstest.Start(t, []string{"group"}, nil)
	bad := world.NewRoomARN()
	api.RejectEvents = func(events []logs.InputLogEvent) *logs.RejectedLogEventsInfo {
		if strings.Contains(*events[0].Message, `"Content":"bad`) {
			return &logs.RejectedLogEventsInfo{TooNewLogEventStartIndex: aws.Int32(0)}
		}
		return nil
	}
	s := start(t, nil, toAPIs(api)...)
	c := s.create(parley.DestinationCloudWatchLogs, "group")
	records := []hub.Record{message(bad, "bad", time.Now(), c)}
	var rooms []parley.ARN
	for range 30 {
		rooms = append(rooms, world.NewRoomARN())
		records = append(records, message(rooms[len(rooms)-1], "good", time.Now(), c))
	}
	s.Append(records)
	for _, room := range rooms {
		eventually(t, func() error {
			if n := len(api.Events("group", "aws/IVSChatLogs/1.0/room_"+room.ID)); n != 1 {
				return fmt.Errorf("%d events of a room, want 1", n)
			}
			return nil
		})
	}
	eventually(t, func() error {
		if st := s.Status()[c]; st.FailingSince == nil || st.QueuedBytes == 0 {
			return fmt.Errorf("the status is %+v, want that a record is left", st)
		}
		return nil
	})
}

// TestDestinationChanges has what is queued follow the configuration.
func TestDestinationChanges(t *testing.T) {
	api := awstest.Start(t, nil, []string{"new"})
	s := start(t, nil, toAPIs(api)...)
	c := s.create(parley.DestinationFirehose, "old") // does not exist
	want := s.say(world.NewRoomARN(), time.Now(), 5, c)
	eventually(t, func() error {
		if got := s.Status()[c].ErrorKind; got != "not_found" {
			return fmt.Errorf("the failure is %q, want not_found", got)
		}
		return nil
	})
	l, _ := s.LoggingConfiguration(c)
	l.Destination.Name = "new"
	s.set(l)
	eventually(t, func() error { return wantSame(contentIDs(t, api.Records("new")), want) })
}

// TestDeletedConfiguration is deleted while it has records, and the server restarts:
// they are delivered nevertheless, and then its queue is gone.
func TestDeletedConfiguration(t *testing.T) {
	api := awstest.Start(t, nil, []string{"stream"})
	s := start(t, nil, toAPIs(api)...)
	c := s.create(parley.DestinationFirehose, "stream")
	api.Stop()
	want := s.say(world.NewRoomARN(), time.Now(), 5, c)
	eventually(t, func() error {
		if s.Status()[c].FailingSince == nil {
			return errors.New("nothing fails")
		}
		return nil
	})
	s.delete(c)
	s.close(t)
	s.open(t)
	eventually(t, func() error {
		if st := s.Status()[c]; st.Name != "stream" || !st.Deleted {
			return fmt.Errorf("the status is %+v, want a deleted one for the stream", st)
		}
		return nil
	})
	api.Listen()
	eventually(t, func() error { return wantSame(contentIDs(t, api.Records("stream")), want) })
	eventually(t, func() error {
		if st, ok := s.Status()[c]; ok {
			return fmt.Errorf("its status is still %+v", st)
		}
		_, err := os.Stat(filepath.Join(s.cfg.QueueDir, world.Region+"."+world.Account+"."+c.ID))
		if !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("its queue: %v, want none", err)
		}
		return nil
	})
	if body := s.scrape(t); strings.Contains(body, c.ID) {
		t.Errorf("the metrics still know it:\n%s", body)
	}
}

// TestConfigurationThatComesLate is known only after records of a room that names it.
func TestConfigurationThatComesLate(t *testing.T) {
	s := start(t, nil)
	c := s.create(parley.DestinationS3, "bucket")
	l, _ := s.LoggingConfiguration(c)
	s.delete(c)
	want := s.say(world.NewRoomARN(), time.Now(), 3, c)
	eventually(t, func() error {
		if st := s.Status()[c]; st.FailingSince == nil {
			return fmt.Errorf("the status is %+v, want one that says why nothing is delivered", st)
		}
		return nil
	})
	s.set(l)
	eventually(t, func() error { return wantIDs(ids(files(t, filepath.Join(s.folder, "s3", "bucket"))), want) })
	if all := ids(files(t, s.folder)); len(all) != len(want) {
		t.Errorf("%d records are in the folder, want %d", len(all), len(want))
	}
}

// TestConfigurationThatIsNamedTwice logs once.
func TestConfigurationThatIsNamedTwice(t *testing.T) {
	s := start(t, nil)
	c := s.create(parley.DestinationS3, "bucket")
	want := s.say(world.NewRoomARN(), time.Now(), 3, c, c)
	eventually(t, func() error { return wantIDs(ids(files(t, s.folder)), want) })
	if got := ids(files(t, s.folder)); len(got) != len(want) {
		t.Errorf("%d records were logged, want %d", len(got), len(want))
	}
}

// TestReload mends the mapping of a destination that cannot be reached.
func TestReload(t *testing.T) {
	api := awstest.Start(t, nil, []string{"stream"})
	wrong := toAPIs(api)
	for i := range wrong {
		wrong[i].Endpoint = "http://127.0.0.1:1"
	}
	s := start(t, nil, wrong...)
	c := s.create(parley.DestinationFirehose, "stream")
	want := s.say(world.NewRoomARN(), time.Now(), 5, c)
	eventually(t, func() error {
		if s.Status()[c].FailingSince == nil {
			return errors.New("nothing fails")
		}
		return nil
	})
	s.Reload(chatlog.NewDestinations(s.folder, toAPIs(api)))
	eventually(t, func() error { return wantSame(contentIDs(t, api.Records("stream")), want) })
}

// TestCloseDeliversWhatIsQueued stops in the middle of a long window.
func TestCloseDeliversWhatIsQueued(t *testing.T) {
	api := awstest.Start(t, nil, []string{"stream"})
	s := start(t, func(c *chatlog.Config) { c.Window, c.Flush = time.Hour, time.Hour }, toAPIs(api)...)
	c1, c2 := s.create(parley.DestinationFirehose, "stream"), s.create(parley.DestinationS3, "bucket")
	want := s.say(world.NewRoomARN(), time.Now(), 5, c1, c2)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Logger = nil
	if err := errors.Join(wantSame(contentIDs(t, api.Records("stream")), want),
		wantIDs(ids(files(t, s.folder)), want)); err != nil {
		t.Error(err)
	}
}

// TestCloseWaitsNoLongerThanItMay stops while a destination does not answer.
func TestCloseWaitsNoLongerThanItMay(t *testing.T) {
	api := awstest.Start(t, nil, []string{"stream"})
	s := start(t, nil, toAPIs(api)...)
	c := s.create(parley.DestinationFirehose, "stream")
	unlock := api.Lock()
	want := s.say(world.NewRoomARN(), time.Now(), 5, c)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > patience/2 {
		t.Errorf("Close took %s, want about 300 ms", took)
	}
	unlock()
	s.open(t)
	eventually(t, func() error { return wantIDs(contentIDs(t, api.Records("stream")), want) })
}

// TestInactiveConfigurations log nothing. One that is being deleted logs for rooms that
// name it.
func TestInactiveConfigurations(t *testing.T) {
	s := start(t, nil)
	c, active := s.create(parley.DestinationS3, "bucket"), s.create(parley.DestinationS3, "other")
	deleting := s.create(parley.DestinationS3, "third")
	for arn, state := range map[parley.ARN]parley.LoggingState{c: "CREATE_FAILED",
		deleting: parley.LoggingDeleting} {
		l, _ := s.LoggingConfiguration(arn)
		l.State = state
		s.set(l)
	}
	want := s.say(world.NewRoomARN(), time.Now(), 3, c, active, deleting)
	for _, name := range []string{"other", "third"} {
		eventually(t, func() error { return wantIDs(ids(files(t, filepath.Join(s.folder, "s3", name))), want) })
	}
	if got := ids(files(t, filepath.Join(s.folder, "s3", "bucket"))); len(got) > 0 {
		t.Errorf("a configuration that is not active has logged %d records", len(got))
	}
}

// TestEndpointOfTheProcess sets the variables that lead all calls of a process to one
// place: they must not capture what goes to an endpoint of its own, nor what goes to
// AWS.
func TestEndpointOfTheProcess(t *testing.T) {
	trap := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("the trap got %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer trap.Close()
	api := awstest.Start(t, nil, []string{"stream"})
	t.Setenv("AWS_ENDPOINT_URL", trap.URL)
	t.Setenv("AWS_ENDPOINT_URL_FIREHOSE", trap.URL)
	s := start(t, nil, append([]chatlog.Mapping{{
		Kind: parley.DestinationS3, Pattern: "*", AccessKeyID: "test", Secret: "test",
	}}, toAPIs(api)...)...)
	want := s.say(world.NewRoomARN(), time.Now(), 5, s.create(parley.DestinationFirehose, "stream"))
	eventually(t, func() error { return wantSame(contentIDs(t, api.Records("stream")), want) })
	c := s.create(parley.DestinationS3, "bucket") // at AWS, which is out of reach here
	s.say(world.NewRoomARN(), time.Now(), 1, c)
	eventually(t, func() error {
		st := s.Status()[c]
		if st.FailingSince == nil || !strings.Contains(st.Where, "AWS") {
			return fmt.Errorf("the status is %+v, want a failure at AWS", st)
		}
		return nil
	})
}

func TestProbe(t *testing.T) {
	api := awstest.Start(t, []string{"group", "group-2"}, []string{"stream"})
	s := start(t, nil, toAPIs(api)...)
	for _, tt := range []struct {
		name    string
		to      parley.Destination
		failure *awstest.Failure
		want    parley.Code
		fails   bool
	}{
		{"a group", parley.Destination{Kind: parley.DestinationCloudWatchLogs, Name: "group"}, nil, 0, false},
		{"the start of a group", parley.Destination{Kind: parley.DestinationCloudWatchLogs, Name: "grou"},
			nil, parley.NotFound, true},
		{"a stream", parley.Destination{Kind: parley.DestinationFirehose, Name: "stream"}, nil, 0, false},
		{"no stream", parley.Destination{Kind: parley.DestinationFirehose, Name: "none"}, nil, parley.NotFound, true},
		{"no rights", parley.Destination{Kind: parley.DestinationFirehose, Name: "stream"},
			&awstest.Failure{Status: 400, Code: "AccessDeniedException"}, parley.AccessDenied, true},
		{"a broken service", parley.Destination{Kind: parley.DestinationFirehose, Name: "stream"},
			&awstest.Failure{Status: 500, Code: "Broken"}, 0, false},
		{"a folder", parley.Destination{Kind: parley.DestinationS3, Name: "bucket"}, nil, 0, false},
	} {
		unlock := api.Lock()
		api.Fail = func(string) *awstest.Failure { return tt.failure }
		unlock()
		err := s.Probe(t.Context(), s.create(tt.to.Kind, tt.to.Name), tt.to)
		if (err != nil) != tt.fails || tt.fails && parley.CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want failure %t with code %v", tt.name, err, tt.fails, tt.want)
		}
	}
}
