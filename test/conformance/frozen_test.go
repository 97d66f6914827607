package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What the frozen server tells of.
const (
	frozenRoom = "arn:aws:ivschat:us-west-2:123456789012:room/g1H2I3j4k5L6"
	frozenLogs = "arn:aws:ivschat:us-west-2:123456789012:logging-configuration/ABcdef34ghIJ"
)

// frozen is a server that gives the same answers at all times, and keeps what it is
// asked.
type frozen struct {
	url     string
	answers []string // names of what it answers, one after the other, the last for ever

	mu       sync.Mutex // guards requests
	requests []request
}

// request is what is compared of a request.
type request struct {
	Method, Path  string   // the latter as it arrived
	Query         []string // its parameters as they arrived, in an order
	Body          any      // its JSON, or what it is instead; nil when there is none
	ContentType   string
	SecurityToken string
	Dated         bool   // whether there is an X-Amz-Date
	Authorization string // its algorithm and credential, without the date
	Signed        []string
}

// signedHeaders are the headers that have to be signed where they occur. Clients sign
// others as they like.
var signedHeaders = []string{"content-type", "host", "x-amz-date", "x-amz-security-token"}

// frozenAnswer is an answer of the frozen server.
type frozenAnswer struct {
	status    int
	errorType string // for the header that names an exception; empty for none
	body      string
}

// startFrozen starts a server that gives the named answers; without names, those to
// successful calls.
func startFrozen(t *testing.T, answers []string) *frozen {
	t.Helper()
	if len(answers) == 0 {
		answers = []string{success}
	}
	for _, name := range answers {
		if _, known := frozenAnswers[name]; !known && name != success {
			t.Fatalf("the frozen server has no answer %q", name)
		}
	}
	f := &frozen{answers: answers}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

// success is the name of the answer of a successful call, whatever the operation.
const success = "success"

func (f *frozen) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	turn := min(len(f.requests), len(f.answers)-1)
	f.requests = append(f.requests, recorded(r))
	f.mu.Unlock()
	answer, ok := frozenAnswers[f.answers[turn]]
	if !ok {
		answer = successOf(r)
	}
	h := w.Header()
	h.Set("x-amzn-RequestId", "0f4c1b5e-7a3d-4a52-9c51-1d5a3c1f8e77")
	h.Set("Content-Type", "application/json")
	if answer.errorType != "" {
		h.Set("x-amzn-ErrorType", answer.errorType)
	}
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body) // a client that has gone is seen by its output
}

// recorded returns what is kept of a request.
func recorded(r *http.Request) request {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	parameters := strings.FieldsFunc(query, func(r rune) bool { return r == '&' })
	slices.Sort(parameters)
	authorization := r.Header.Get("Authorization")
	return request{
		Method:        r.Method,
		Path:          path,
		Query:         parameters,
		Body:          readBody(r.Body),
		ContentType:   r.Header.Get("Content-Type"),
		SecurityToken: r.Header.Get("X-Amz-Security-Token"),
		Dated:         r.Header.Get("X-Amz-Date") != "",
		Authorization: withoutDate(authorization),
		Signed:        signedOf(authorization),
	}
}

// readBody returns the JSON of a body, the text of one that is none, and nil for an
// empty one.
func readBody(body io.Reader) any {
	data, err := io.ReadAll(body)
	if err != nil {
		return fmt.Sprintf("broken body: %v", err)
	}
	if len(data) == 0 {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return "not JSON: " + string(data)
	}
	return value
}

var credential = regexp.MustCompile(`^(\S+ Credential=[^/]+)/\d{8}/([^,]+), .*$`)

// withoutDate returns what an Authorization header says besides the date, the names of
// headers, and the signature.
func withoutDate(authorization string) string {
	return credential.ReplaceAllString(authorization, "$1/DATE/$2")
}

var signedList = regexp.MustCompile(`SignedHeaders=([^,]*)`)

// signedOf returns those of signedHeaders that an Authorization header lists.
func signedOf(authorization string) []string {
	found := signedList.FindStringSubmatch(authorization)
	if found == nil {
		return nil
	}
	var signed []string
	for name := range strings.SplitSeq(found[1], ";") {
		if slices.Contains(signedHeaders, name) {
			signed = append(signed, name)
		}
	}
	return signed
}

// successOf returns the answer to a successful call of the operation that r calls.
func successOf(r *http.Request) frozenAnswer {
	operation := strings.TrimPrefix(r.URL.Path, "/")
	if strings.HasPrefix(r.URL.Path, "/tags/") {
		operation = r.Method
	}
	answer, ok := successes[operation]
	if !ok {
		return frozenAnswers["unknownOperation"]
	}
	return answer
}

// Parts of answers, in the order of the API's model.
const (
	roomHead = `"arn":"` + frozenRoom + `","id":"g1H2I3j4k5L6","name":"lobby",`
	roomTail = `"tags":{"stage":"prod","Owner":"Zoë, Ann","empty":""},` +
		`"loggingConfigurationIdentifiers":["` + frozenLogs + `"]}`
	times = `"createTime":"2022-03-16T03:45:09Z","updateTime":"2022-03-17T21:05:10Z",`

	reviewed = `"messageReviewHandler":{"uri":"` +
		`arn:aws:lambda:us-west-2:123456789012:function:review","fallbackResult":"DENY"},`

	wholeRoom = `{` + roomHead + times + `"maximumMessageRatePerSecond":10,` +
		`"maximumMessageLength":500,` + reviewed + roomTail
	otherRoom = `{"arn":"arn:aws:ivschat:us-west-2:123456789012:room/zZ9yY8xX7wW6",` +
		`"id":"zZ9yY8xX7wW6","name":"",` + times + `"tags":{}}`

	wholeLogs = `{"arn":"` + frozenLogs + `","id":"ABcdef34ghIJ",` +
		`"createTime":"2022-09-14T17:48:00.653000+00:00",` +
		`"updateTime":"2022-09-14T17:48:01.104Z","name":"archive",` +
		`"destinationConfiguration":{"s3":{"bucketName":"chat-logs"}},` +
		`"state":"ACTIVE","tags":{}}`
)

// successes are the answers to successful calls, by operation; those on tags by method.
var successes = map[string]frozenAnswer{
	"CreateChatToken": {200, "", `{"token":"AQEBm5.x-_y","tokenExpirationTime":` +
		`"2022-03-16T03:46:09Z","sessionExpirationTime":"2022-03-16T04:45:09Z"}`},
	"CreateRoom": {200, "", wholeRoom},
	"GetRoom":    {200, "", wholeRoom},
	"UpdateRoom": {200, "", wholeRoom},
	"ListRooms": {200, "", `{"rooms":[{` + roomHead + reviewed + times + roomTail + `,` +
		otherRoom + `],"nextToken":"AAAB2f"}`},
	"DeleteRoom":                 {204, "", ""},
	"CreateLoggingConfiguration": {200, "", wholeLogs},
	"GetLoggingConfiguration":    {200, "", wholeLogs},
	"UpdateLoggingConfiguration": {200, "", wholeLogs},
	"ListLoggingConfigurations":  {200, "", `{"loggingConfigurations":[` + wholeLogs + `]}`},
	"DeleteLoggingConfiguration": {204, "", ""},
	"SendEvent":                  {200, "", `{"id":"aK2vP9sYw4Hc"}`},
	"DeleteMessage":              {200, "", `{"id":"aK2vP9sYw4Hc"}`},
	"DisconnectUser":             {200, "", ""},
	http.MethodPost:              {200, "", ""},
	http.MethodDelete:            {200, "", ""},
	http.MethodGet:               {200, "", `{"tags":{"stage":"prod","a key":"x y"}}`},
}

// frozenAnswers are all other answers, by the names that the rows call them.
var frozenAnswers = map[string]frozenAnswer{
	"accessDenied": {403, "AccessDeniedException",
		`{"message":"User: ann is not authorized to perform: ivschat:GetRoom"}`},
	"conflict": {409, "ConflictException", `{"message":"It is in use.",` +
		`"resourceId":"ABcdef34ghIJ","resourceType":"LOGGING_CONFIGURATION"}`},
	"pendingVerification": {403, "PendingVerification", `{"message":"Not verified yet."}`},
	"notFound": {404, "ResourceNotFoundException", `{"message":"No such room.",` +
		`"resourceId":"g1H2I3j4k5L6","resourceType":"ROOM"}`},
	"quotaExceeded": {402, "ServiceQuotaExceededException", `{"message":"Too many rooms.",` +
		`"resourceId":"123456789012","resourceType":"ROOM","limit":50000}`},
	"throttled": {429, "ThrottlingException", `{"message":"Slow down.",` +
		`"resourceId":"g1H2I3j4k5L6","resourceType":"ROOM","limit":100}`},
	"validation": {400, "ValidationException", `{"message":"1 validation error detected",` +
		`"reason":"FIELD_VALIDATION_FAILED","fieldList":[{"name":"name",` +
		`"message":"Member must have length less than or equal to 128"}]}`},
	"internal": {500, "InternalServerException", `{"message":"Something broke."}`},

	// The forms in which errors come besides.
	"unknownOperation": {404, "UnknownOperationException", `{"message":"Unknown."}`},
	"invalidSignature": {403, "InvalidSignatureException", `{"message":"Wrong signature."}`},
	"nameWithAddress": {404, "ResourceNotFoundException:http://internal.example/coral/",
		`{"message":"No such room."}`},
	"nameInBody":       {400, "", `{"__type":"com.example#ValidationException","message":"Bad."}`},
	"capitalMessage":   {403, "AccessDeniedException", `{"Message":"Go away."}`},
	"emptyError":       {404, "ResourceNotFoundException", ""},
	"namelessError":    {404, "", ""},
	"badGateway":       {502, "", "<html>Bad Gateway</html>"},
	"emptyUnavailable": {503, "ServiceUnavailableException", ""},
	"unavailable":      {503, "ServiceUnavailableException", `{"message":"Back soon."}`},

	// The forms in which successes come besides.
	"empty":       {200, "", ""},
	"emptyObject": {200, "", "{}"},
	"noRooms":     {200, "", `{"rooms":[]}`},
	"nulls": {200, "", `{"arn":"` + frozenRoom + `","name":null,"tags":null,` +
		`"messageReviewHandler":null,"createTime":null}`},
	"oddTags": {200, "", `{"tags":{"1":"yes","b":"no","c":"1.0","d":"a: b # c","e":"- x",` +
		`"f":"two\nlines","g":" padded ","h":"tab\there","i":"null","j":"Ünï \u2028 🎉",` +
		`"k":"'single' \"double\" \\","l":"` + strings.Repeat("long words ", 15) + `",` +
		`"m":"","n":"2020-01-01","o":"{x}","p":"\u0007","q":"<&>"}}`},
	"unknownMembers": {200, "", `{"arn":"` + frozenRoom + `","color":"red",` +
		`"messageReviewHandler":{"uri":"","mode":"strict"},"state":{"deep":[1]}}`},
	"numberAsTime":  {200, "", `{"token":"t","tokenExpirationTime":1647402309}`},
	"brokenSuccess": {200, "", `{"arn":`},
}
