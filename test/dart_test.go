package test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/parleytest"
)

// dartClient makes calls as the clients for Dart do. It has a signer of its own,
// because they sign by other rules than the AWS SDKs.
type dartClient struct {
	address     string // host:port
	contentType string
	// encodeTwice is whether the path is encoded again for signing, as the AWS SDKs
	// do and the newer Dart clients do not.
	encodeTwice bool
	// browser is whether a browser sends the request, which puts the port into the
	// Host header that was signed without it.
	browser bool
}

// The content types of the two families of Dart clients.
const (
	dartText = "text/plain; charset=utf-8"
	dartJSON = "application/json"
)

// dartClients has the variants of the clients, by the version that made them.
var dartClients = map[string]dartClient{
	"aws_client 0.5":              {contentType: dartText, encodeTwice: true},
	"shared_aws_api 2.0.1":        {contentType: dartText},
	"aws_client 0.9":              {contentType: dartJSON},
	"aws_client 0.9 in a browser": {contentType: dartJSON, browser: true},
}

// dartAnswer is an answer that has passed the checks of Dart's own decoder.
type dartAnswer struct {
	status int
	header http.Header
	body   map[string]any // numbers are json.Number
}

// call makes a call with a JSON body; nil is none.
func (c dartClient) call(t *testing.T, operation string, body map[string]any) dartAnswer {
	t.Helper()
	return c.send(t, http.MethodPost, "/"+operation, nil, body)
}

// tags makes a call on the tags of a resource.
func (c dartClient) tags(t *testing.T, method, arn string, keys []string, body map[string]any,
) dartAnswer {
	t.Helper()
	return c.send(t, method, "/tags/"+encodeComponent(arn), keys, body)
}

// send writes a request down as Dart's HTTP library does. Its query is always set,
// so every target has a question mark.
func (c dartClient) send(t *testing.T, method, path string, keys []string, body map[string]any,
) dartAnswer {
	t.Helper()
	var payload []byte
	if body != nil {
		payload, _ = json.Marshal(body) // maps of strings and integers always marshal
	}
	host, _, err := net.SplitHostPort(c.address)
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]string{
		"accept": "application/json", "host": host,
		"x-amz-date":           time.Now().UTC().Format("20060102T150405Z"),
		"x-amz-content-sha256": hexSum(payload),
	}
	if body != nil {
		header["content-type"] = c.contentType
	}
	header["authorization"] = c.authorization(method, path, keys, header)
	if c.browser {
		header["host"], header["origin"] = c.address, "https://shop.example"
	}
	var query []string
	for _, key := range keys {
		query = append(query, "tagKeys="+url.QueryEscape(key)) // a space is a plus
	}
	var request strings.Builder
	fmt.Fprintf(&request, "%s %s?%s HTTP/1.1\r\n", method, path, strings.Join(query, "&"))
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Fprintf(&request, "%s: %s\r\n", name, header[name])
	}
	fmt.Fprintf(&request, "content-length: %d\r\n\r\n%s", len(payload), payload)
	return c.exchange(t, request.String())
}

// authorization signs all headers that there are, in region us-east-1 with the key
// of development mode.
func (c dartClient) authorization(
	method, path string, keys []string, header map[string]string,
) string {
	var query, lines []string
	for _, key := range keys {
		query = append(query, "tagKeys="+encodeComponent(key))
	}
	slices.Sort(query)
	names := slices.Sorted(maps.Keys(header))
	for _, name := range names {
		lines = append(lines, name+":"+header[name]+"\n")
	}
	if c.encodeTwice {
		path = strings.ReplaceAll(path, "%", "%25")
	}
	signed := strings.Join(names, ";")
	canonical := strings.Join([]string{method, path, strings.Join(query, "&"),
		strings.Join(lines, ""), signed, header["x-amz-content-sha256"]}, "\n")
	date := header["x-amz-date"]
	scope := []string{date[:8], parleytest.Region, "ivschat", "aws4_request"}
	key := []byte("AWS4test")
	for _, part := range scope {
		key = hmacSum(key, part)
	}
	text := strings.Join([]string{"AWS4-HMAC-SHA256", date, strings.Join(scope, "/"),
		hexSum([]byte(canonical))}, "\n")
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=test/%s, SignedHeaders=%s, Signature=%x",
		strings.Join(scope, "/"), signed, hmacSum(key, text))
}

// encodeComponent is Dart's Uri.encodeComponent for what ARNs and tag keys hold.
func encodeComponent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func hmacSum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// exchange sends a request and decodes the answer.
func (c dartClient) exchange(t *testing.T, request string) dartAnswer {
	t.Helper()
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	answer := dartAnswer{status: res.StatusCode, header: res.Header, body: map[string]any{}}
	if len(text) == 0 {
		return answer // which Dart takes for an empty object
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&answer.body); err != nil {
		t.Fatalf("answer %q: %v, want an object", text, err)
	}
	for name, value := range answer.body {
		checkDart(t, name, value)
	}
	return answer
}

// succeed returns the body of an answer that is a success for Dart.
func (a dartAnswer) succeed(t *testing.T, operation string) map[string]any {
	t.Helper()
	if a.status < 200 || a.status >= 300 {
		t.Fatalf("%s: status %d, %v, want a success", operation, a.status, a.body)
	}
	return a.body
}

// failure returns what Dart makes an exception of.
func (a dartAnswer) failure() (kind, message string) {
	kind, _, _ = strings.Cut(a.header.Get("x-amzn-errortype"), ":")
	for _, member := range []string{"code", "__type"} {
		if text, ok := a.body[member].(string); ok {
			kind = text[strings.LastIndexByte(text, '#')+1:]
		}
	}
	message, _ = a.body["message"].(string)
	return kind, message
}

var (
	dartTime    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	dartInteger = regexp.MustCompile(`^-?\d+$`)
	dartTimes   = []string{"createTime", "updateTime", "tokenExpirationTime", "sessionExpirationTime"}
)

// dartEnums has the values that the older clients know: another makes them throw.
var dartEnums = map[string][]string{
	"fallbackResult": {"ALLOW", "DENY"},
	"state": {"ACTIVE", "CREATE_FAILED", "CREATING", "DELETE_FAILED", "DELETING",
		"UPDATE_FAILED", "UPDATING"},
}

// dartTypes has the type that Dart casts a member to; a member that is not here is
// a string. Wrong ones make it throw.
var dartTypes = map[string]string{
	"maximumMessageLength": "int", "maximumMessageRatePerSecond": "int", "limit": "int",
	"tags": "Map", "messageReviewHandler": "Map", "destinationConfiguration": "Map",
	"s3": "Map", "cloudWatchLogs": "Map", "firehose": "Map",
	"rooms": "List", "loggingConfigurations": "List", "loggingConfigurationIdentifiers": "List",
	"fieldList": "List",
}

// checkDart checks that Dart can cast a member, and all in it.
func checkDart(t *testing.T, name string, value any) {
	t.Helper()
	kind := "String"
	switch value := value.(type) {
	case nil:
		kind = "null"
	case json.Number:
		if kind = "int"; !dartInteger.MatchString(value.String()) {
			kind = "double"
		}
	case map[string]any:
		kind = "Map"
		for member, inner := range value {
			if name == "tags" {
				member = "value of a tag"
			}
			checkDart(t, member, inner)
		}
	case []any:
		kind = "List"
		for _, element := range value {
			if members, ok := element.(map[string]any); ok {
				for member, inner := range members {
					checkDart(t, member, inner)
				}
				continue
			}
			checkDart(t, "element", element)
		}
	case string:
		checkDartText(t, name, value)
	}
	want := "String"
	if known, ok := dartTypes[name]; ok {
		want = known
	}
	if kind != want {
		t.Errorf("member %s is %v, for Dart a %s, want a %s", name, value, kind, want)
	}
}

func checkDartText(t *testing.T, name, value string) {
	t.Helper()
	if slices.Contains(dartTimes, name) && !dartTime.MatchString(value) {
		t.Errorf("member %s is %q, want whole seconds and a Z", name, value)
	}
	if known, ok := dartEnums[name]; ok && !slices.Contains(known, value) {
		t.Errorf("member %s is %q, want one of %q", name, value, known)
	}
}

func TestDartClientsMakeAllCalls(t *testing.T) {
	for name, client := range dartClients {
		t.Run(name, func(t *testing.T) {
			client.address = parleytest.StartOne(t).Addr().String()
			called := callAllAsDart(t, client)
			for _, op := range parley.Operations {
				if !slices.Contains(called, op.Name) {
					t.Errorf("%s was not called", op.Name)
				}
			}
		})
	}
}

// callAllAsDart makes every call once, with all its members, and returns their
// names.
func callAllAsDart(t *testing.T, c dartClient) (called []string) {
	t.Helper()
	call := func(operation string, body map[string]any) map[string]any {
		t.Helper()
		called = append(called, operation)
		return c.call(t, operation, body).succeed(t, operation)
	}
	tags := func(operation, method, arn string, keys []string, body map[string]any) map[string]any {
		t.Helper()
		called = append(called, operation)
		return c.tags(t, method, arn, keys, body).succeed(t, operation)
	}
	configuration := call("CreateLoggingConfiguration", map[string]any{"name": "logs",
		"destinationConfiguration": map[string]any{"s3": map[string]string{"bucketName": "a-bucket"}},
		"tags":                     map[string]string{"a": "b"}})["arn"].(string)
	call("UpdateLoggingConfiguration", map[string]any{"identifier": configuration,
		"destinationConfiguration": map[string]any{"firehose": map[string]string{
			"deliveryStreamName": "a-stream"}}})
	call("GetLoggingConfiguration", map[string]any{"identifier": configuration})
	if list := call("ListLoggingConfigurations", map[string]any{"maxResults": 50}); len(
		list["loggingConfigurations"].([]any)) != 1 {
		t.Errorf("ListLoggingConfigurations: %v, want one", list)
	}
	room := call("CreateRoom", map[string]any{"name": "lobby", "maximumMessageLength": 100,
		"maximumMessageRatePerSecond": 5, "tags": map[string]string{"a": "b"},
		"messageReviewHandler":            map[string]string{"uri": lambda, "fallbackResult": "DENY"},
		"loggingConfigurationIdentifiers": []string{configuration}})["arn"].(string)
	call("UpdateRoom", map[string]any{"identifier": room, "maximumMessageLength": 500,
		"messageReviewHandler": map[string]string{"uri": ""}})
	if got := call("GetRoom", map[string]any{"identifier": room}); fmt.Sprint(
		got["maximumMessageLength"]) != "500" {
		t.Errorf("GetRoom: maximumMessageLength %v, want 500", got["maximumMessageLength"])
	}
	if list := call("ListRooms", map[string]any{"name": "lobby"}); len(list["rooms"].([]any)) != 1 {
		t.Errorf("ListRooms: %v, want one", list)
	}
	call("CreateChatToken", map[string]any{"roomIdentifier": room, "userId": "usér 1",
		"capabilities": []string{"SEND_MESSAGE"}, "sessionDurationInMinutes": 30,
		"attributes": map[string]string{"displayName": "José"}})
	call("SendEvent", map[string]any{"roomIdentifier": room, "eventName": "e",
		"attributes": map[string]string{"é": "ü"}})
	call("DeleteMessage", map[string]any{"roomIdentifier": room, "id": "ABCdef123456", "reason": "r"})
	call("DisconnectUser", map[string]any{"roomIdentifier": room, "userId": "usér 1", "reason": "r"})
	tags("TagResource", "POST", room, nil, map[string]any{"tags": map[string]string{
		"b key": "1", "c+d": "2", "é/ü": "3"}})
	tags("UntagResource", "DELETE", room, []string{"a", "b key", "c+d"}, nil)
	got := tags("ListTagsForResource", "GET", room, nil, nil)
	if fmt.Sprint(got["tags"]) != "map[é/ü:3]" {
		t.Errorf("tags %v, want only é/ü", got["tags"])
	}
	call("DeleteRoom", map[string]any{"identifier": room})
	call("DeleteLoggingConfiguration", map[string]any{"identifier": configuration})
	return called
}

// lambda is the ARN of a function, which is never called.
const lambda = "arn:aws:lambda:us-east-1:000000000000:function:review"

func TestDartClientsRecogniseErrors(t *testing.T) {
	srv := parleytest.StartOne(t)
	configuration := srv.Call(t, "CreateLoggingConfiguration", map[string]any{
		"destinationConfiguration": map[string]any{"s3": map[string]string{"bucketName": "bucket"}},
	}).Body["arn"].(string)
	room := srv.CreateRoom(t, map[string]any{
		"loggingConfigurationIdentifiers": []string{configuration}})
	for name, client := range dartClients {
		client.address = srv.Addr().String()
		for _, tt := range []struct {
			operation, member, value, want string
		}{
			{"GetRoom", "identifier", room + "gone", "ResourceNotFoundException"},
			{"GetRoom", "identifier", "no ARN", "ValidationException"},
			{"CreateChatToken", "roomIdentifier", room, "ValidationException"},
			{"DeleteLoggingConfiguration", "identifier", configuration, "ConflictException"},
			{"Nothing", "a", "b", "UnknownOperationException"},
		} {
			a := client.call(t, tt.operation, map[string]any{tt.member: tt.value})
			if kind, message := a.failure(); kind != tt.want || message == "" {
				t.Errorf("%s: %s %s=%s: exception %q, message %q, want %s with a message",
					name, tt.operation, tt.member, tt.value, kind, message, tt.want)
			}
		}
		a := client.tags(t, "DELETE", room+"gone", []string{"a"}, nil)
		if kind, message := a.failure(); kind != "ResourceNotFoundException" || message == "" {
			t.Errorf("%s: UntagResource: exception %q, message %q, want ResourceNotFoundException",
				name, kind, message)
		}
	}
}
