package control_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

// Destinations in requests, with the given name.
func toS3(name string) string     { return to("s3", "bucketName", name) }
func toGroup(name string) string  { return to("cloudWatchLogs", "logGroupName", name) }
func toStream(name string) string { return to("firehose", "deliveryStreamName", name) }

func to(kind, memberName, name string) string {
	return `"destinationConfiguration":{"` + kind + `":{` + member(memberName, name) + `}}`
}

func TestCreateLoggingConfigurationAnswersItsSettings(t *testing.T) {
	for _, tt := range []struct {
		request []string
		want    string // members of the answer after arn and id
	}{
		{[]string{toS3("chat-logs")}, `"name":"","createTime":"2000-01-01T00:00:00Z",` +
			`"updateTime":"2000-01-01T00:00:00Z",` +
			`"destinationConfiguration":{"s3":{"bucketName":"chat-logs"}},"state":"ACTIVE","tags":{}`},
		{[]string{toGroup("/chat/Logs#1"), `"name":"audit"`, `"tags":{"team":"Zoë"}`},
			`"name":"audit","createTime":"2000-01-01T00:00:00Z",` +
				`"updateTime":"2000-01-01T00:00:00Z","destinationConfiguration":` +
				`{"cloudWatchLogs":{"logGroupName":"/chat/Logs#1"}},"state":"ACTIVE",` +
				`"tags":{"team":"Zoë"}`},
		{[]string{toStream("chat")}, `"name":"","createTime":"2000-01-01T00:00:00Z",` +
			`"updateTime":"2000-01-01T00:00:00Z",` +
			`"destinationConfiguration":{"firehose":{"deliveryStreamName":"chat"}},` +
			`"state":"ACTIVE","tags":{}`},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(nil)
			w := s.call(t, owner, "CreateLoggingConfiguration", object(tt.request...))
			created := w.Body.String()
			got := members(t, w.Body)
			id, _ := got["id"].(string)
			arn := "arn:aws:ivschat:us-west-2:123456789012:logging-configuration/" + id
			want := object(member("arn", arn), member("id", id), tt.want)
			if w.Code != http.StatusOK || created != want || !parley.ValidID(id) {
				t.Errorf("create %v: status %d, body %s, want 200 %s", tt.request, w.Code, created, want)
			}
			again := s.call(t, owner, "GetLoggingConfiguration", object(member("identifier", arn)))
			if again.Body.String() != created {
				t.Errorf("get after create %v: %s, want %s", tt.request, again.Body, created)
			}
		})
	}
}

func TestLoggingConfigurationAnswers(t *testing.T) {
	const configuration = `{"arn":"` + lcARN + `","id":"` + lcID + `","name":"",` +
		`"createTime":"2026-01-02T03:04:05Z","updateTime":"2026-01-02T03:04:05Z",` +
		`"destinationConfiguration":{"s3":{"bucketName":"chat-logs"}},"state":"ACTIVE","tags":{}}`
	s := start(nil).with(aConfiguration())
	for _, tt := range []struct{ operation, want string }{
		{"GetLoggingConfiguration", configuration},
		{"ListLoggingConfigurations", `{"loggingConfigurations":[` + configuration + `]}`},
	} {
		w := s.call(t, owner, tt.operation, valid(tt.operation))
		if w.Code != http.StatusOK || w.Body.String() != tt.want {
			t.Errorf("%s: status %d, body %s, want 200 %s", tt.operation, w.Code, w.Body, tt.want)
		}
	}
	w := start(nil).call(t, owner, "ListLoggingConfigurations", "")
	if w.Body.String() != `{"loggingConfigurations":[]}` {
		t.Errorf("list of none: %s, want an empty list", w.Body)
	}
}

func TestUpdateLoggingConfigurationChangesOnlyWhatIsNamed(t *testing.T) {
	full := aConfiguration()
	full.Name, full.Tags = "old", map[string]string{"k": "v"}
	for _, tt := range []struct {
		name   string
		change []string
		want   map[string]any // members that differ from before
	}{
		{"nothing", nil, nil},
		{"null", []string{`"name":null`, `"destinationConfiguration":null`}, nil},
		{"name", []string{`"name":"new"`}, map[string]any{"name": "new"}},
		{"name cleared", []string{`"name":""`}, map[string]any{"name": ""}},
		{"destination of another kind", []string{toStream("chat")}, map[string]any{
			"destinationConfiguration": map[string]any{
				"firehose": map[string]any{"deliveryStreamName": "chat"}}}},
		{"tags are no member", []string{`"tags":{"other":"x"}`}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := start(nil).with(full)
			want := s.must(t, "GetLoggingConfiguration", valid("GetLoggingConfiguration"))
			want["updateTime"] = "2000-01-01T00:00:00Z"
			for name, value := range tt.want {
				want[name] = value
			}
			got := s.must(t, "UpdateLoggingConfiguration",
				valid("UpdateLoggingConfiguration", tt.change...))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: answer (-want +got):\n%s", tt.name, diff)
			}
			after := s.must(t, "GetLoggingConfiguration", valid("GetLoggingConfiguration"))
			if diff := cmp.Diff(got, after); diff != "" {
				t.Errorf("%s: get after it (-answer +got):\n%s", tt.name, diff)
			}
		})
	}
}

func TestLoggingConfigurationQuota(t *testing.T) {
	s := start(parley.Quotas{parley.QuotaLoggingConfigurations: 2, parley.QuotaRooms: 1})
	body := valid("CreateLoggingConfiguration")
	s.must(t, "CreateLoggingConfiguration", body)
	s.must(t, "CreateLoggingConfiguration", body)
	w := s.call(t, owner, "CreateLoggingConfiguration", body)
	want := `{"message":"Too many.","resourceId":"123456789012",` +
		`"resourceType":"LOGGING_CONFIGURATION","limit":2}`
	if w.Code != http.StatusPaymentRequired || w.Body.String() != want {
		t.Errorf("third of two configurations: %d %s, want 402 %s", w.Code, w.Body, want)
	}
	for _, other := range []caller{stranger, abroad} {
		if w := s.call(t, other, "CreateLoggingConfiguration", body); w.Code != http.StatusOK {
			t.Errorf("configuration of %s in %s: status %d, want 200", other.key, other.region, w.Code)
		}
	}
}

func TestDeleteLoggingConfiguration(t *testing.T) {
	attached := aRoom()
	attached.LoggingConfigurations = []parley.ARN{aConfiguration().ARN}
	s := start(nil, attached).with(aConfiguration())
	body := valid("DeleteLoggingConfiguration")
	w := s.call(t, owner, "DeleteLoggingConfiguration", body)
	want := `{"message":"A room names it.","resourceId":"ABcdef34ghIJ",` +
		`"resourceType":"LOGGING_CONFIGURATION"}`
	if w.Code != http.StatusConflict || w.Body.String() != want ||
		errorType(w) != "ConflictException" {
		t.Errorf("delete while a room names it: %d %s %s, want 409 ConflictException %s",
			w.Code, errorType(w), w.Body, want)
	}
	s.must(t, "UpdateRoom", valid("UpdateRoom", `"loggingConfigurationIdentifiers":[]`))
	w = s.call(t, owner, "DeleteLoggingConfiguration", body)
	if w.Code != http.StatusNoContent || w.Body.Len() != 0 ||
		w.Header().Get("Content-Type") != "" || w.Header().Get("Content-Length") != "" {
		t.Errorf("delete: status %d, header %v, body %q, want 204 without a body",
			w.Code, w.Header(), w.Body)
	}
	for _, operation := range []string{"GetLoggingConfiguration", "UpdateLoggingConfiguration",
		"DeleteLoggingConfiguration"} {
		w := s.call(t, owner, operation, valid(operation))
		want := `{"message":"Resource: ` + lcARN + ` not found","resourceId":"ABcdef34ghIJ",` +
			`"resourceType":"LOGGING_CONFIGURATION"}`
		if w.Code != http.StatusNotFound || w.Body.String() != want {
			t.Errorf("%s after delete: %d %s, want 404 %s", operation, w.Code, w.Body, want)
		}
	}
}

func TestLoggingConfigurationsOfAnotherWorldAreNotFound(t *testing.T) {
	for _, operation := range []string{"GetLoggingConfiguration", "UpdateLoggingConfiguration",
		"DeleteLoggingConfiguration"} {
		for _, other := range []caller{stranger, abroad} {
			s := start(nil).with(aConfiguration())
			w := s.call(t, other, operation, valid(operation))
			if w.Code != http.StatusNotFound || errorType(w) != "ResourceNotFoundException" {
				t.Errorf("%s by %s in %s: status %d, want 404", operation, other.key, other.region, w.Code)
			}
			got := s.store.configurations[aConfiguration().ARN]
			if diff := cmp.Diff(aConfiguration(), got); diff != "" {
				t.Errorf("%s by %s in %s changed it (-before +after):\n%s",
					operation, other.key, other.region, diff)
			}
		}
	}
}

func TestRoomsCannotNameLoggingConfigurationsOfAnotherWorld(t *testing.T) {
	foreign := aConfiguration()
	foreign.ARN.Account = "210987654321"
	s := start(nil, aRoom()).with(aConfiguration(), foreign)
	named := foreign.ARN.String()
	for _, tt := range []struct{ operation, body string }{
		{"CreateRoom", object(logs(lcARN, named))},
		{"UpdateRoom", update(logs(lcARN, named))},
		{"ListRooms", object(member("loggingConfigurationIdentifier", named))},
	} {
		w := s.call(t, owner, tt.operation, tt.body)
		want := `{"message":"Resource: ` + named + ` not found","resourceId":"ABcdef34ghIJ",` +
			`"resourceType":"LOGGING_CONFIGURATION"}`
		if w.Code != http.StatusNotFound || w.Body.String() != want {
			t.Errorf("%s %s: %d %s, want 404 %s", tt.operation, tt.body, w.Code, w.Body, want)
		}
	}
	if got := s.store.rooms; len(got) != 1 || len(got[aRoom().ARN].LoggingConfigurations) != 0 {
		t.Errorf("after refused requests the rooms are %+v, want them as before", got)
	}
}

func TestRoomsNameLoggingConfigurationsInOrder(t *testing.T) {
	second := aConfiguration()
	second.ARN.ID = "AAcdef34ghIJ"
	s := start(nil, aRoom()).with(aConfiguration(), second)
	arns := []any{lcARN, second.ARN.String()}
	created := s.must(t, "CreateRoom", object(member("loggingConfigurationIdentifiers", arns)))
	updated := s.must(t, "UpdateRoom", update(member("loggingConfigurationIdentifiers", arns)))
	for _, got := range []map[string]any{created, updated} {
		if diff := cmp.Diff(any(arns), got["loggingConfigurationIdentifiers"]); diff != "" {
			t.Errorf("room %v (-want +got):\n%s", got["arn"], diff)
		}
	}
}

func TestLoggingConfigurationMembersAtTheirLimitsAreAccepted(t *testing.T) {
	const create, change = "CreateLoggingConfiguration", "UpdateLoggingConfiguration"
	const ok, notFound = http.StatusOK, http.StatusNotFound
	longest := object(member("identifier", lcARNOf(128)))
	for _, tt := range []accepted{
		{create, object(toS3(letters(3))), ok},
		{create, object(toS3(letters(63))), ok},
		{create, object(toS3("az09-.")), ok},
		{create, object(toGroup("a")), ok},
		{create, object(toGroup(letters(512))), ok},
		{create, object(toGroup("/AZaz09.-_#")), ok},
		{create, object(toStream("a")), ok},
		{create, object(toStream(letters(64))), ok},
		{create, object(toStream("AZaz09_.-")), ok},
		{create, object(`"destinationConfiguration":{"s3":{"bucketName":"abc","prefix":5},` +
			`"firehose":null,"kinesis":{}}`), ok},
		{create, valid(create, `"name":""`), ok},
		{create, valid(create, member("name", "-_azAZ09"+letters(120))), ok},
		{create, valid(create, member("tags", tagsOf(50))), ok},
		{create, valid(create, `"name":null`, `"tags":null`, `"state":5`), ok},
		{change, valid(change, member("name", letters(128))), ok},
		{change, valid(change, toGroup(letters(512))), ok},
		{change, longest, notFound},
		{"GetLoggingConfiguration", longest, notFound},
		{"DeleteLoggingConfiguration", longest, notFound},
		{"ListLoggingConfigurations", "", ok},
		{"ListLoggingConfigurations", `{"maxResults":1,"nextToken":""}`, ok},
		{"ListLoggingConfigurations", `{"maxResults":50,"nextToken":null}`, ok},
	} {
		checkAccepted(t, tt)
	}
}

func TestLoggingConfigurationMembersPastTheirLimitsAreRefused(t *testing.T) {
	const create, change = "CreateLoggingConfiguration", "UpdateLoggingConfiguration"
	const to, list = "destinationConfiguration", "ListLoggingConfigurations"
	s := start(nil).with(aConfiguration())
	union := func(union string) string { return object(`"destinationConfiguration":` + union) }
	tooLong := object(member("identifier", lcARNOf(129)))
	for _, tt := range []refused{
		{create, "{}", to},
		{create, "", to},
		{create, union(`null`), to},
		{create, union(`{}`), to},
		{create, union(`{"kinesis":{}}`), to},
		{create, union(`{"S3":{"bucketName":"abc"}}`), to},
		{create, union(`{"s3":null}`), to},
		{create, union(`{"s3":{"bucketName":"abc"},"firehose":{"deliveryStreamName":"a"}}`), to},
		{create, union(`{"s3":{},"cloudWatchLogs":{},"firehose":{}}`), to},
		{create, union(`{"s3":{}}`), to + ".s3.bucketName"},
		{create, union(`{"cloudWatchLogs":{"bucketName":"abc"}}`), to + ".cloudWatchLogs.logGroupName"},
		{create, union(`{"firehose":{"deliveryStreamName":null}}`), to + ".firehose.deliveryStreamName"},
		{create, object(toS3(letters(2))), to + ".s3.bucketName"},
		{create, object(toS3(letters(64))), to + ".s3.bucketName"},
		{create, object(toS3("Logs")), to + ".s3.bucketName"},
		{create, object(toGroup("")), to + ".cloudWatchLogs.logGroupName"},
		{create, object(toGroup(letters(513))), to + ".cloudWatchLogs.logGroupName"},
		{create, object(toGroup("a b")), to + ".cloudWatchLogs.logGroupName"},
		{create, object(toStream("")), to + ".firehose.deliveryStreamName"},
		{create, object(toStream(letters(65))), to + ".firehose.deliveryStreamName"},
		{create, object(toStream("a/b")), to + ".firehose.deliveryStreamName"},
		{create, valid(create, member("name", letters(129))), "name"},
		{create, valid(create, member("name", "a b")), "name"},
		{create, valid(create, member("tags", tagsOf(51))), "tags"},
		{create, valid(create, `"tags":{"aws:k":"v"}`), "tags.aws:k"},
		{create, object(`"name":"?"`, `"tags":{"":""}`), "name " + to + " tags."},

		{change, "{}", "identifier"},
		{change, object(member("name", "?"), toS3("a")), "identifier name " + to + ".s3.bucketName"},
		{change, valid(change, member("name", letters(129))), "name"},
		{change, valid(change, `"destinationConfiguration":{}`), to},
		{change, object(member("identifier", roomARN)), "identifier"},
		{change, tooLong, "identifier"},

		{"GetLoggingConfiguration", "{}", "identifier"},
		{"GetLoggingConfiguration", object(member("identifier", roomARN)), "identifier"},
		{"GetLoggingConfiguration", object(member("identifier", lcID)), "identifier"},
		{"GetLoggingConfiguration", object(member("identifier", "")), "identifier"},
		{"GetLoggingConfiguration", tooLong, "identifier"},
		{"DeleteLoggingConfiguration", "{}", "identifier"},
		{"DeleteLoggingConfiguration", object(member("identifier", roomARN)), "identifier"},
		{"DeleteLoggingConfiguration", tooLong, "identifier"},

		{list, `{"maxResults":0}`, "maxResults"},
		{list, `{"maxResults":51}`, "maxResults"},
		{list, object(member("nextToken", letters(1025))), "nextToken"},
		{list, `{"nextToken":"x"}`, "nextToken"},
	} {
		checkRefused(t, s, tt)
	}
}

func TestLoggingConfigurationMembersOfTheWrongTypeAreRefused(t *testing.T) {
	const to = "destinationConfiguration"
	s := start(nil).with(aConfiguration())
	for _, operation := range []string{"CreateLoggingConfiguration", "UpdateLoggingConfiguration"} {
		for _, tt := range []struct{ members, fields string }{
			{`"destinationConfiguration":"s3"`, to},
			{`"destinationConfiguration":[]`, to},
			{`"destinationConfiguration":{"s3":"chat-logs"}`, to + ".s3"},
			{`"destinationConfiguration":{"s3":{"bucketName":5}}`, to + ".s3.bucketName"},
			{`"name":5`, "name"},
		} {
			checkRefused(t, s, refused{operation, valid(operation, tt.members), tt.fields})
		}
	}
	checkRefused(t, s, refused{"CreateLoggingConfiguration",
		valid("CreateLoggingConfiguration", `"tags":[]`), "tags"})
	checkRefused(t, s, refused{"GetLoggingConfiguration", `{"identifier":5}`, "identifier"})
	checkRefused(t, s, refused{"DeleteLoggingConfiguration", `{"identifier":{}}`, "identifier"})
	checkRefused(t, s, refused{"ListLoggingConfigurations", `{"maxResults":"1","nextToken":1}`,
		"maxResults nextToken"})
}

func TestFormOfUnionErrors(t *testing.T) {
	w := start(nil).call(t, owner, "CreateLoggingConfiguration", `{"destinationConfiguration":{}}`)
	want := `{"message":"1 validation error detected: Value at 'destinationConfiguration' failed ` +
		`to satisfy constraint: Member must hold exactly one of s3, cloudWatchLogs and firehose",` +
		`"reason":"FIELD_VALIDATION_FAILED","fieldList":[{"name":"destinationConfiguration",` +
		`"message":"Member must hold exactly one of s3, cloudWatchLogs and firehose"}]}`
	if w.Body.String() != want {
		t.Errorf("empty union: %s, want %s", w.Body, want)
	}
}

// listedConfigurations returns n logging configurations named l0 to l<n-1>, in the
// order of their list. Each two have the same update time, but different ARNs.
func listedConfigurations(n int) []parley.LoggingConfiguration {
	configurations := make([]parley.LoggingConfiguration, n)
	for i := range configurations {
		l := aConfiguration()
		l.Name = fmt.Sprint("l", i)
		l.UpdateTime = time.Date(2026, 1, 1, 0, 0, 0, -i/2, time.UTC)
		l.ARN.ID = fmt.Sprintf("logs%08d", i)
		configurations[i] = l
	}
	return configurations
}

func TestListLoggingConfigurationsPages(t *testing.T) {
	foreign := aConfiguration()
	foreign.ARN.Account = "210987654321"
	s := start(nil).with(listedConfigurations(5)...).with(foreign)
	var got [][]string
	next := ""
	for range 3 {
		var names []string
		names, next = s.pageOf(t, "ListLoggingConfigurations", "loggingConfigurations",
			`"maxResults":2`, member("nextToken", next))
		got = append(got, names)
	}
	want := [][]string{{"l0", "l1"}, {"l2", "l3"}, {"l4"}}
	if !cmp.Equal(got, want) || next != "" {
		t.Errorf("pages %v, then token %q, want %v and no token", got, next, want)
	}
}

func TestListLoggingConfigurationsPagesHold50ByDefault(t *testing.T) {
	for n, more := range map[int]bool{50: false, 51: true} {
		s := start(nil).with(listedConfigurations(n)...)
		names, next := s.pageOf(t, "ListLoggingConfigurations", "loggingConfigurations")
		if len(names) != 50 || (next != "") != more {
			t.Errorf("%d configurations: page of %d, token %q, want 50, more %t",
				n, len(names), next, more)
		}
	}
}

func TestPageTokensAreForOneKindAndWorld(t *testing.T) {
	s := start(nil, listed(2)...).with(listedConfigurations(2)...)
	_, rooms := s.page(t, `"maxResults":1`)
	_, configurations := s.pageOf(t, "ListLoggingConfigurations", "loggingConfigurations",
		`"maxResults":1`)
	if !regexp.MustCompile(`^[\w-]+$`).MatchString(configurations) {
		t.Fatalf("token %q, want one of letters, digits, _ and -", configurations)
	}
	for _, tt := range []struct {
		by               caller
		operation, token string
		want             int
	}{
		{owner, "ListRooms", rooms, http.StatusOK},
		{owner, "ListRooms", configurations, http.StatusBadRequest},
		{owner, "ListLoggingConfigurations", configurations, http.StatusOK},
		{owner, "ListLoggingConfigurations", rooms, http.StatusBadRequest},
		{stranger, "ListLoggingConfigurations", configurations, http.StatusBadRequest},
		{abroad, "ListLoggingConfigurations", configurations, http.StatusBadRequest},
	} {
		w := s.call(t, tt.by, tt.operation, object(member("nextToken", tt.token)))
		if w.Code != tt.want {
			t.Errorf("%s by %s in %s with token %s: status %d, want %d",
				tt.operation, tt.by.key, tt.by.region, tt.token, w.Code, tt.want)
		}
	}
}

// A configuration that is not deleted yet is shown as it is.
func TestLoggingConfigurationThatIsBeingDeleted(t *testing.T) {
	l := aConfiguration()
	l.State = parley.LoggingDeleting
	s := start(nil).with(l)
	w := s.call(t, owner, "UpdateLoggingConfiguration", valid("UpdateLoggingConfiguration"))
	want := `{"message":"The logging configuration is being deleted.",` +
		`"resourceId":"ABcdef34ghIJ","resourceType":"LOGGING_CONFIGURATION"}`
	if w.Code != http.StatusConflict || errorType(w) != "ConflictException" ||
		w.Body.String() != want {
		t.Errorf("update: %d %s %s, want 409 %s", w.Code, errorType(w), w.Body, want)
	}
	got := s.must(t, "GetLoggingConfiguration", valid("GetLoggingConfiguration"))
	if got["state"] != "DELETING" {
		t.Errorf("get shows the state %v, want DELETING", got["state"])
	}
	w = s.send(t, owner, http.MethodPost, tagsTarget(lcARN), `{"tags":{"a":"b"}}`)
	if w.Code != http.StatusOK {
		t.Errorf("tag: %d %s, want 200", w.Code, w.Body)
	}
	w = s.call(t, owner, "DeleteLoggingConfiguration", valid("DeleteLoggingConfiguration"))
	if w.Code != http.StatusNoContent {
		t.Errorf("delete: %d %s, want 204", w.Code, w.Body)
	}
}
