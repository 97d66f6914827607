// Package awstest serves the calls of CloudWatch Logs and Firehose that chat logs
// make, for tests. The types of the AWS SDK decode the calls, and calls over a
// documented limit are refused as the service would.
package awstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	streams "github.com/aws/aws-sdk-go-v2/service/firehose/types"
)

// Failure is how a call fails.
type Failure struct {
	Status int
	Code   string
}

// Server is a server of both APIs. It stops at the end of the test.
type Server struct {
	URL string

	t    testing.TB
	addr string
	http *http.Server

	mu      sync.Mutex // guards what follows
	groups  map[string]map[string][]logs.InputLogEvent
	streams map[string][]string
	calls   []string // operations, as they came

	// Fail decides whether a call fails, by its operation; nil: none does.
	Fail func(operation string) *Failure
	// RejectEvents decides which events of a call are not taken; nil: all are.
	RejectEvents func(events []logs.InputLogEvent) *logs.RejectedLogEventsInfo
	// RejectRecord decides whether a record is not taken; nil: none is.
	RejectRecord func(data string) bool
}

// Start starts a server with log groups and delivery streams.
func Start(t testing.TB, groups, deliveryStreams []string) *Server {
	t.Helper()
	s := &Server{t: t, addr: "127.0.0.1:0",
		groups: map[string]map[string][]logs.InputLogEvent{}, streams: map[string][]string{}}
	for _, name := range groups {
		s.groups[name] = map[string][]logs.InputLogEvent{}
	}
	for _, name := range deliveryStreams {
		s.streams[name] = []string{}
	}
	s.Listen()
	t.Cleanup(s.Stop)
	return s
}

// Listen accepts calls, again on the same address after Stop.
func (s *Server) Listen() {
	s.t.Helper()
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.addr = l.Addr().String()
	s.URL = "http://" + s.addr
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve)}
	go func(server *http.Server) { _ = server.Serve(l) }(s.http)
}

// Stop ends the server, as when it dies: calls in progress get no answer.
func (s *Server) Stop() { _ = s.http.Close() }

// Lock has no call change anything until the function it returns is called.
func (s *Server) Lock() (unlock func()) {
	s.mu.Lock()
	return s.mu.Unlock
}

// Calls returns the operations that were called.
func (s *Server) Calls() []string {
	defer s.Lock()()
	return slices.Clone(s.calls)
}

// Events returns the messages of a log stream, in the order in which they were taken.
func (s *Server) Events(group, stream string) (messages []string) {
	defer s.Lock()()
	for _, e := range s.groups[group][stream] {
		messages = append(messages, *e.Message)
	}
	return messages
}

// LogStreams returns the names of the streams of a group.
func (s *Server) LogStreams(group string) (names []string) {
	defer s.Lock()()
	for name := range s.groups[group] {
		names = append(names, name)
	}
	return names
}

// Records returns what a delivery stream was given.
func (s *Server) Records(stream string) []string {
	defer s.Lock()()
	return slices.Clone(s.streams[stream])
}

// operations are the calls that are served, by X-Amz-Target.
var operations = map[string]func(s *Server, body []byte) (any, *Failure){
	"Logs_20140328.PutLogEvents":               (*Server).putLogEvents,
	"Logs_20140328.CreateLogStream":            (*Server).createLogStream,
	"Logs_20140328.DescribeLogGroups":          (*Server).describeLogGroups,
	"Firehose_20150804.PutRecordBatch":         (*Server).putRecordBatch,
	"Firehose_20150804.DescribeDeliveryStream": (*Server).describeDeliveryStream,
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller is gone
	}
	target := r.Header.Get("X-Amz-Target")
	version, operation, _ := strings.Cut(target, ".")
	do, ok := operations[target]
	service := map[string]string{"Logs_20140328": "logs", "Firehose_20150804": "firehose"}[version]
	switch authorization := r.Header.Get("Authorization"); {
	case !ok || r.Method != http.MethodPost || r.URL.Path != "/":
		s.t.Errorf("a call of %s %s, target %q", r.Method, r.URL, target)
	case r.Header.Get("Content-Type") != "application/x-amz-json-1.1":
		s.t.Errorf("%s: content type %q", operation, r.Header.Get("Content-Type"))
	case !strings.HasPrefix(authorization, "AWS4-HMAC-SHA256 ") ||
		!strings.Contains(authorization, "/"+service+"/aws4_request"):
		s.t.Errorf("%s: authorization %q", operation, authorization)
	}
	var answer any
	failure := &Failure{http.StatusBadRequest, "UnknownOperationException"}
	if ok {
		answer, failure = s.call(operation, do, body)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if failure != nil {
		w.WriteHeader(failure.Status)
		answer = map[string]string{"__type": failure.Code, "message": "so says the test"}
	}
	if answer != nil {
		_ = json.NewEncoder(w).Encode(answer)
	}
}

func (s *Server) call(operation string, do func(*Server, []byte) (any, *Failure), body []byte) (
	any, *Failure,
) {
	defer s.Lock()()
	s.calls = append(s.calls, operation)
	if s.Fail != nil {
		if failure := s.Fail(operation); failure != nil {
			return nil, failure
		}
	}
	return do(s, body)
}

// decode reads the members of a call into a type of the SDK.
func decode(body []byte, in any) *Failure {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		return &Failure{http.StatusBadRequest, "SerializationException"}
	}
	return nil
}

var (
	invalid  = &Failure{http.StatusBadRequest, "InvalidParameterException"}
	notFound = &Failure{http.StatusBadRequest, "ResourceNotFoundException"}
)

// Limits of the APIs. Source: API references of both.
const (
	maxEvents      = 10_000
	maxEventsBytes = 1_048_576
	maxSpanMillis  = 24 * 60 * 60 * 1000
	maxRecords     = 500
	maxRecordBytes = 1000 * 1024
	maxBatchBytes  = 4 << 20
)

func (s *Server) putLogEvents(body []byte) (any, *Failure) {
	var in cloudwatchlogs.PutLogEventsInput
	if failure := decode(body, &in); failure != nil {
		return nil, failure
	}
	size := 0
	for i, e := range in.LogEvents {
		size += len(*e.Message) + 26
		if i > 0 && *e.Timestamp < *in.LogEvents[i-1].Timestamp {
			return nil, invalid
		}
	}
	n := len(in.LogEvents)
	if n == 0 || n > maxEvents || size > maxEventsBytes ||
		*in.LogEvents[n-1].Timestamp-*in.LogEvents[0].Timestamp > maxSpanMillis {
		return nil, invalid
	}
	group := s.groups[*in.LogGroupName]
	if _, ok := group[*in.LogStreamName]; !ok {
		return nil, notFound
	}
	taken := in.LogEvents
	answer := map[string]any{"nextSequenceToken": "49039859476"}
	if s.RejectEvents != nil {
		if info := s.RejectEvents(taken); info != nil {
			answer["rejectedLogEventsInfo"] = camelCase(info)
			taken = taken[:aws.ToInt32(or(info.TooNewLogEventStartIndex, n))]
			taken = taken[max(aws.ToInt32(info.TooOldLogEventEndIndex),
				aws.ToInt32(info.ExpiredLogEventEndIndex)):]
		}
	}
	group[*in.LogStreamName] = append(group[*in.LogStreamName], taken...)
	return answer, nil
}

func or(i *int32, otherwise int) *int32 {
	if i == nil {
		return aws.Int32(int32(otherwise))
	}
	return i
}

func camelCase(info *logs.RejectedLogEventsInfo) map[string]int32 {
	m := map[string]int32{}
	for name, i := range map[string]*int32{
		"tooNewLogEventStartIndex": info.TooNewLogEventStartIndex,
		"tooOldLogEventEndIndex":   info.TooOldLogEventEndIndex,
		"expiredLogEventEndIndex":  info.ExpiredLogEventEndIndex,
	} {
		if i != nil {
			m[name] = *i
		}
	}
	return m
}

func (s *Server) createLogStream(body []byte) (any, *Failure) {
	var in cloudwatchlogs.CreateLogStreamInput
	if failure := decode(body, &in); failure != nil {
		return nil, failure
	}
	group, ok := s.groups[*in.LogGroupName]
	if !ok {
		return nil, notFound
	}
	if _, ok := group[*in.LogStreamName]; ok {
		return nil, &Failure{http.StatusBadRequest, "ResourceAlreadyExistsException"}
	}
	group[*in.LogStreamName] = []logs.InputLogEvent{}
	return nil, nil
}

func (s *Server) describeLogGroups(body []byte) (any, *Failure) {
	var in cloudwatchlogs.DescribeLogGroupsInput
	if failure := decode(body, &in); failure != nil {
		return nil, failure
	}
	var names []string
	for name := range s.groups {
		if strings.HasPrefix(name, aws.ToString(in.LogGroupNamePrefix)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	groups := []map[string]string{}
	for _, name := range names[:min(len(names), int(aws.ToInt32(or(in.Limit, 50))))] {
		groups = append(groups, map[string]string{"logGroupName": name})
	}
	return map[string]any{"logGroups": groups}, nil
}

func (s *Server) putRecordBatch(body []byte) (any, *Failure) {
	var in firehose.PutRecordBatchInput
	if failure := decode(body, &in); failure != nil {
		return nil, failure
	}
	have, ok := s.streams[*in.DeliveryStreamName]
	if !ok {
		return nil, notFound
	}
	size := 0
	for _, r := range in.Records {
		size += len(r.Data)
		if len(r.Data) > maxRecordBytes {
			return nil, invalid
		}
	}
	if n := len(in.Records); n == 0 || n > maxRecords || size > maxBatchBytes {
		return nil, invalid
	}
	failed := 0
	var answers []streams.PutRecordBatchResponseEntry
	for i, r := range in.Records {
		if s.RejectRecord != nil && s.RejectRecord(string(r.Data)) {
			failed++
			answers = append(answers, streams.PutRecordBatchResponseEntry{
				ErrorCode:    aws.String("ServiceUnavailableException"),
				ErrorMessage: aws.String("Slow down.")})
			continue
		}
		have = append(have, string(r.Data))
		answers = append(answers, streams.PutRecordBatchResponseEntry{
			RecordId: aws.String(fmt.Sprint("record-", i))})
	}
	s.streams[*in.DeliveryStreamName] = have
	return map[string]any{"FailedPutCount": failed, "RequestResponses": answers}, nil
}

func (s *Server) describeDeliveryStream(body []byte) (any, *Failure) {
	var in firehose.DescribeDeliveryStreamInput
	if failure := decode(body, &in); failure != nil {
		return nil, failure
	}
	if _, ok := s.streams[*in.DeliveryStreamName]; !ok {
		return nil, notFound
	}
	return map[string]any{"DeliveryStreamDescription": map[string]string{
		"DeliveryStreamName": *in.DeliveryStreamName}}, nil
}
