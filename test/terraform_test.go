package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/parleytest"
)

// The Terraform provider for AWS is too large to run in a test, so this is what it
// does for the two resources of IVS Chat: its calls, in its order, with its
// waiters, and how it finds out whether a plan is empty. Waiters that would wait
// for minutes fail after some polls.
const maxPolls = 20

// terraform makes the provider's calls.
type terraform struct {
	t *testing.T
	c *parleytest.Client
}

// handlerBlock is a message_review_handler block. An empty fallback is not set, and
// then whatever the server says is right.
type handlerBlock struct{ uri, fallback string }

// roomResource holds the arguments of an aws_ivschat_room. In a configuration,
// a maximum of 0 is not set, and then whatever the server says is right.
type roomResource struct {
	name             string
	maxLength        int
	maxRatePerSecond int
	handler          *handlerBlock
	logging          []string
	tags             map[string]string
}

// call makes a call that must succeed.
func (tf terraform) call(operation string, in map[string]any) map[string]any {
	tf.t.Helper()
	a := tf.c.Call(tf.t, operation, in)
	if a.Status >= 300 {
		tf.t.Fatalf("%s %v: %+v, want a success", operation, in, a)
	}
	return a.Body
}

// find looks a resource up. Only the one exception says that there is none.
func (tf terraform) find(operation, id string) (body map[string]any, found bool) {
	tf.t.Helper()
	a := tf.c.Call(tf.t, operation, map[string]string{"identifier": id})
	if a.Status == http.StatusNotFound && a.Error == "ResourceNotFoundException" {
		return nil, false
	}
	if a.Status != http.StatusOK {
		tf.t.Fatalf("%s %s: %+v", operation, id, a)
	}
	return a.Body, true
}

// wait polls until a resource is as wanted twice in a row.
func (tf terraform) wait(operation, id string, wanted func(body map[string]any) bool) {
	tf.t.Helper()
	inARow := 0
	for range maxPolls {
		body, found := tf.find(operation, id)
		if found && wanted(body) {
			if inARow++; inARow == 2 {
				return
			}
			continue
		}
		inARow = 0
	}
	tf.t.Fatalf("%s %s: not as wanted twice in a row in %d polls", operation, id, maxPolls)
}

func anyState(map[string]any) bool { return true }

// waitGone polls until a resource is not found.
func (tf terraform) waitGone(operation, id string) {
	tf.t.Helper()
	for range maxPolls {
		if _, found := tf.find(operation, id); !found {
			return
		}
	}
	tf.t.Fatalf("%s %s: still found after %d polls", operation, id, maxPolls)
}

// delete deletes a resource. That it is gone already is a success, too.
func (tf terraform) delete(kind, id string) {
	tf.t.Helper()
	a := tf.c.Call(tf.t, "Delete"+kind, map[string]string{"identifier": id})
	switch {
	case a.Error == "ResourceNotFoundException":
	case a.Status != http.StatusNoContent || a.Body != nil:
		tf.t.Fatalf("Delete%s %s: %+v, want 204 and no body", kind, id, a)
	default:
		tf.waitGone("Get"+kind, id)
	}
}

// listTags is where tags are read from; what the Get call says of them is not used.
func (tf terraform) listTags(id string) map[string]string {
	tf.t.Helper()
	a := tf.c.Tags(tf.t, http.MethodGet, id, "", "")
	members, ok := a.Body["tags"].(map[string]any)
	if !ok {
		tf.t.Fatalf("ListTagsForResource %s: %+v, want tags", id, a)
	}
	tags := map[string]string{}
	for key, value := range members {
		tags[key] = value.(string)
	}
	return tags
}

// changeTags removes, then adds and overwrites.
func (tf terraform) changeTags(id string, have, want map[string]string) {
	tf.t.Helper()
	query := url.Values{}
	for key := range have {
		if _, kept := want[key]; !kept {
			query.Add("tagKeys", key)
		}
	}
	if len(query) > 0 {
		a := tf.c.Tags(tf.t, http.MethodDelete, id, "?"+query.Encode(), "")
		if a.Status != http.StatusOK || a.Body != nil {
			tf.t.Fatalf("UntagResource %s: %+v", id, a)
		}
	}
	added := maps.Clone(want)
	maps.DeleteFunc(added, func(key, value string) bool {
		before, ok := have[key]
		return ok && before == value
	})
	if len(added) > 0 {
		a := tf.c.Tags(tf.t, http.MethodPost, id, "", encodeJSON(tf.t, map[string]any{"tags": added}))
		if a.Status != http.StatusOK || a.Body != nil {
			tf.t.Fatalf("TagResource %s: %+v", id, a)
		}
	}
}

// createRoom leaves out what is not set.
func (tf terraform) createRoom(want roomResource) (id string) {
	tf.t.Helper()
	in := map[string]any{}
	if len(want.tags) > 0 {
		in["tags"] = want.tags
	}
	if len(want.logging) > 0 {
		in["loggingConfigurationIdentifiers"] = want.logging
	}
	if want.maxLength > 0 {
		in["maximumMessageLength"] = want.maxLength
	}
	if want.maxRatePerSecond > 0 {
		in["maximumMessageRatePerSecond"] = want.maxRatePerSecond
	}
	if want.handler != nil {
		in["messageReviewHandler"] = want.handler.members("")
	}
	if want.name != "" {
		in["name"] = want.name
	}
	id = tf.call("CreateRoom", in)["arn"].(string)
	tf.wait("GetRoom", id, anyState)
	return id
}

// members returns the block as calls have it. A fallback that is not set stays as
// it was.
func (h handlerBlock) members(fallbackBefore string) map[string]string {
	members := map[string]string{"uri": h.uri}
	if h.fallback != "" {
		members["fallbackResult"] = h.fallback
	} else if fallbackBefore != "" {
		members["fallbackResult"] = fallbackBefore
	}
	return members
}

// readRoom returns what goes into the state. It checks what the provider's types
// demand.
func (tf terraform) readRoom(id string) (state roomResource) {
	tf.t.Helper()
	body, found := tf.find("GetRoom", id)
	if !found {
		tf.t.Fatalf("GetRoom %s: not found", id)
	}
	if body["arn"] != id {
		tf.t.Errorf("GetRoom %s: arn %v", id, body["arn"])
	}
	state.name, _ = body["name"].(string)
	for member, place := range map[string]*int{
		"maximumMessageLength":        &state.maxLength,
		"maximumMessageRatePerSecond": &state.maxRatePerSecond,
	} {
		n, ok := body[member].(float64)
		if *place = int(n); !ok || n < 1 {
			tf.t.Errorf("GetRoom %s: %s is %v, want it always", id, member, body[member])
		}
	}
	if handler, ok := body["messageReviewHandler"].(map[string]any); ok {
		state.handler = &handlerBlock{}
		state.handler.uri, _ = handler["uri"].(string)
		state.handler.fallback, _ = handler["fallbackResult"].(string)
	}
	identifiers, _ := body["loggingConfigurationIdentifiers"].([]any)
	for _, identifier := range identifiers {
		state.logging = append(state.logging, identifier.(string))
	}
	state.tags = tf.listTags(id)
	return state
}

// updateRoom sends what differs between the state and a configuration.
func (tf terraform) updateRoom(id string, have, want roomResource) {
	tf.t.Helper()
	tf.changeTags(id, have.tags, want.tags)
	in := map[string]any{}
	if !slices.Equal(have.logging, want.logging) {
		in["loggingConfigurationIdentifiers"] = append([]string{}, want.logging...) // [] for none
	}
	if want.maxLength != 0 && want.maxLength != have.maxLength {
		in["maximumMessageLength"] = want.maxLength
	}
	if want.maxRatePerSecond != 0 && want.maxRatePerSecond != have.maxRatePerSecond {
		in["maximumMessageRatePerSecond"] = want.maxRatePerSecond
	}
	if want.handler != nil && handlerDiffers(have.handler, want.handler) {
		before := ""
		if have.handler != nil {
			before = have.handler.fallback
		}
		in["messageReviewHandler"] = want.handler.members(before)
	}
	if have.name != want.name {
		in["name"] = want.name
	}
	if len(in) == 0 {
		return
	}
	in["identifier"] = id
	if arn := tf.call("UpdateRoom", in)["arn"]; arn != id {
		tf.t.Fatalf("UpdateRoom %s: arn %v", id, arn)
	}
	tf.wait("GetRoom", id, func(body map[string]any) bool { return roomUpdated(in, body) })
}

// roomUpdated reports whether one of the changes that the provider's waiter looks
// at is there. The maxima are none of them: it compares pointers to them.
func roomUpdated(in, body map[string]any) bool {
	if handler, changed := in["messageReviewHandler"].(map[string]string); changed {
		got, ok := body["messageReviewHandler"].(map[string]any)
		if ok && (got["fallbackResult"] == handler["fallbackResult"] || got["uri"] == handler["uri"]) {
			return true
		}
	}
	if name, changed := in["name"]; changed && body["name"] == name {
		return true
	}
	identifiers, changed := in["loggingConfigurationIdentifiers"].([]string)
	got, _ := body["loggingConfigurationIdentifiers"].([]any)
	return changed && fmt.Sprint(got) == fmt.Sprint(identifiers)
}

func handlerDiffers(have, want *handlerBlock) bool {
	if have == nil || want == nil {
		return have != want
	}
	return have.uri != want.uri || want.fallback != "" && have.fallback != want.fallback
}

// planRoom returns what a plan would change.
func planRoom(have, want roomResource) (changes []string) {
	if have.name != want.name {
		changes = append(changes, fmt.Sprintf("name: %q -> %q", have.name, want.name))
	}
	if want.maxLength != 0 && have.maxLength != want.maxLength {
		changes = append(changes, fmt.Sprint("maximum_message_length: ",
			have.maxLength, " -> ", want.maxLength))
	}
	if want.maxRatePerSecond != 0 && have.maxRatePerSecond != want.maxRatePerSecond {
		changes = append(changes, fmt.Sprint("maximum_message_rate_per_second: ",
			have.maxRatePerSecond, " -> ", want.maxRatePerSecond))
	}
	if handlerDiffers(have.handler, want.handler) {
		changes = append(changes, fmt.Sprintf("message_review_handler: %+v -> %+v",
			have.handler, want.handler))
	}
	if !slices.Equal(have.logging, want.logging) {
		changes = append(changes, fmt.Sprintf("logging_configuration_identifiers: %q -> %q",
			have.logging, want.logging))
	}
	if !maps.Equal(have.tags, want.tags) {
		changes = append(changes, fmt.Sprintf("tags: %v -> %v", have.tags, want.tags))
	}
	return changes
}

func TestTerraformRoom(t *testing.T) {
	tf := terraform{t, parleytest.StartOne(t).Client}
	var logging []string
	for i := range 3 {
		id := tf.createConfiguration(configurationResource{
			kind: "s3", destination: fmt.Sprint("bucket-", i)})
		logging = append(logging, id)
	}
	slices.Sort(logging)
	slices.Reverse(logging) // an order that nobody would make of it
	turned := []string{logging[1], logging[2], logging[0]}
	all := map[string]string{"a": "1", "b key": "2", "c/d:e+f": "3"}
	for _, steps := range [][]roomResource{{
		{},
		{name: "lobby", maxLength: 200, maxRatePerSecond: 3},
		{name: "lobby"}, // keeps the maxima
		{name: "lobby", tags: all},
		{name: "lobby", tags: map[string]string{"a": "9", "z": ""}, logging: logging[:1]},
		{name: "hall", maxLength: 1, tags: map[string]string{}},
		{},
	}, {
		{name: "all", maxLength: 500, maxRatePerSecond: 10, logging: logging, tags: all,
			handler: &handlerBlock{lambda, "DENY"}},
		{name: "all", logging: turned, tags: all, handler: &handlerBlock{lambda, "ALLOW"}},
		{name: "all", logging: turned, handler: &handlerBlock{lambda + "2", ""}},
		{name: "all", handler: &handlerBlock{"", ""}},
		{handler: &handlerBlock{"", ""}, logging: logging[1:]},
		{handler: &handlerBlock{lambda, "DENY"}},
		{handler: &handlerBlock{"", "DENY"}},
		{handler: &handlerBlock{"", "ALLOW"}},
	}, {
		{handler: &handlerBlock{"", ""}}, // a block without a function from the start
		{handler: &handlerBlock{lambda, ""}},
	}} {
		id, state := "", roomResource{}
		for _, want := range steps {
			if id == "" {
				id = tf.createRoom(want)
			} else {
				tf.updateRoom(id, state, want)
			}
			state = tf.readRoom(id)
			if changes := planRoom(state, want); len(changes) > 0 {
				t.Fatalf("after an apply of %+v the plan is not empty: %q", want, changes)
			}
			if imported := tf.readRoom(id); !reflect.DeepEqual(imported, state) {
				t.Errorf("import of %+v after %+v", imported, state)
			}
		}
		tf.delete("Room", id)
		tf.delete("Room", id) // it is gone, which is fine
	}
	for _, id := range logging {
		tf.delete("LoggingConfiguration", id)
	}
}

// TestTerraformRoomPresence checks what a plan cannot see, since it is empty with
// and without.
func TestTerraformRoomPresence(t *testing.T) {
	tf := terraform{t, parleytest.StartOne(t).Client}
	id := tf.createRoom(roomResource{})
	body, _ := tf.find("GetRoom", id)
	if handler, ok := body["messageReviewHandler"]; ok {
		t.Errorf("a room that never had a handler has %v, want no member", handler)
	}
	for _, steps := range []struct{ uri, fallback string }{{lambda, "DENY"}, {"", ""}} {
		in := map[string]any{"identifier": id, "messageReviewHandler": map[string]string{
			"uri": steps.uri}}
		if steps.fallback != "" {
			in["messageReviewHandler"].(map[string]string)["fallbackResult"] = steps.fallback
		}
		tf.call("UpdateRoom", in)
	}
	body, _ = tf.find("GetRoom", id)
	want := map[string]any{"uri": "", "fallbackResult": "ALLOW"}
	if diff := cmp.Diff(want, body["messageReviewHandler"]); diff != "" {
		t.Errorf("the detached handler (-want +got):\n%s", diff)
	}
	if list := tf.call("ListRooms", map[string]any{"name": ""})["rooms"].([]any); !cmp.Equal(
		list[0].(map[string]any)["messageReviewHandler"], any(want)) {
		t.Errorf("the detached handler in ListRooms: %v", list[0])
	}
}

// configurationResource holds the arguments of an aws_ivschat_logging_configuration.
type configurationResource struct {
	name        string
	kind        string // s3, cloudWatchLogs or firehose
	destination string
	tags        map[string]string
}

// destinationMembers has the member that names a destination, by its kind.
var destinationMembers = map[string]string{
	"s3": "bucketName", "cloudWatchLogs": "logGroupName", "firehose": "deliveryStreamName",
}

func (r configurationResource) union() map[string]any {
	return map[string]any{r.kind: map[string]string{destinationMembers[r.kind]: r.destination}}
}

func (tf terraform) createConfiguration(want configurationResource) (id string) {
	tf.t.Helper()
	in := map[string]any{"destinationConfiguration": want.union()}
	if want.name != "" {
		in["name"] = want.name
	}
	if len(want.tags) > 0 {
		in["tags"] = want.tags
	}
	id = tf.call("CreateLoggingConfiguration", in)["arn"].(string)
	tf.wait("GetLoggingConfiguration", id, tf.active("CREATING"))
	return id
}

// active returns what the provider waits for. A state other than that and the
// pending one ends its wait with an error.
func (tf terraform) active(pending string) func(body map[string]any) bool {
	return func(body map[string]any) bool {
		if body["state"] != "ACTIVE" && body["state"] != pending {
			tf.t.Fatalf("state %v, want ACTIVE or %s", body["state"], pending)
		}
		return body["state"] == "ACTIVE"
	}
}

func (tf terraform) readConfiguration(id string) (state configurationResource) {
	tf.t.Helper()
	body, found := tf.find("GetLoggingConfiguration", id)
	if !found || body["arn"] != id || body["state"] != "ACTIVE" {
		tf.t.Fatalf("GetLoggingConfiguration %s: %v", id, body)
	}
	state.name, _ = body["name"].(string)
	union, _ := body["destinationConfiguration"].(map[string]any)
	if len(union) != 1 {
		tf.t.Errorf("destinationConfiguration %v, want one member", union)
	}
	for kind, value := range union {
		members, _ := value.(map[string]any)
		state.kind = kind
		state.destination, _ = members[destinationMembers[kind]].(string)
	}
	state.tags = tf.listTags(id)
	return state
}

func (tf terraform) updateConfiguration(id string, have, want configurationResource) {
	tf.t.Helper()
	tf.changeTags(id, have.tags, want.tags)
	in := map[string]any{}
	if have.name != want.name {
		in["name"] = want.name
	}
	if have.kind != want.kind || have.destination != want.destination {
		in["destinationConfiguration"] = want.union()
	}
	if len(in) == 0 {
		return
	}
	in["identifier"] = id
	if arn := tf.call("UpdateLoggingConfiguration", in)["arn"]; arn != id {
		tf.t.Fatalf("UpdateLoggingConfiguration %s: arn %v", id, arn)
	}
	tf.wait("GetLoggingConfiguration", id, tf.active("UPDATING"))
}

func TestTerraformLoggingConfiguration(t *testing.T) {
	tf := terraform{t, parleytest.StartOne(t).Client}
	for _, steps := range [][]configurationResource{{
		{kind: "s3", destination: "a-bucket"},
		{kind: "s3", destination: "b-bucket", name: "logs"},
		{kind: "cloudWatchLogs", destination: "/a/group#1", name: "logs"},
		{kind: "firehose", destination: "a_stream.x", name: "logs", tags: map[string]string{"a": "1"}},
		{kind: "firehose", destination: "a_stream.x", tags: map[string]string{"b": "2"}},
		{kind: "s3", destination: "a-bucket"},
	}, {
		{kind: "cloudWatchLogs", destination: "g", name: "n", tags: map[string]string{"a": "1", "b": ""}},
		{kind: "cloudWatchLogs", destination: "g", name: "n", tags: map[string]string{"b": "c"}},
	}, {
		{kind: "firehose", destination: "stream"},
	}} {
		id, state := "", configurationResource{}
		for _, want := range steps {
			if id == "" {
				id = tf.createConfiguration(want)
			} else {
				tf.updateConfiguration(id, state, want)
			}
			if state = tf.readConfiguration(id); state.tags != nil && want.tags == nil {
				want.tags = map[string]string{} // which is the same for Terraform
			}
			if !reflect.DeepEqual(state, want) {
				t.Fatalf("the plan is not empty: %+v -> %+v", state, want)
			}
			if imported := tf.readConfiguration(id); !reflect.DeepEqual(imported, state) {
				t.Errorf("import of %+v after %+v", imported, state)
			}
		}
		tf.delete("LoggingConfiguration", id)
		tf.delete("LoggingConfiguration", id) // it is gone, which is fine
	}
}

// TestTerraformDestroysInOrder removes a configuration while a room names it, which
// Terraform shows as an error, and then the room first, as it does by itself.
func TestTerraformDestroysInOrder(t *testing.T) {
	tf := terraform{t, parleytest.StartOne(t).Client}
	configuration := tf.createConfiguration(configurationResource{kind: "s3", destination: "bucket"})
	room := tf.createRoom(roomResource{logging: []string{configuration}})
	a := tf.c.Call(t, "DeleteLoggingConfiguration", map[string]string{"identifier": configuration})
	if a.Status != http.StatusConflict || a.Error != "ConflictException" {
		t.Errorf("DeleteLoggingConfiguration while a room names it: %+v, want ConflictException", a)
	}
	if state := tf.readConfiguration(configuration); state.destination != "bucket" {
		t.Errorf("the configuration afterwards: %+v", state)
	}
	tf.delete("Room", room)
	tf.delete("LoggingConfiguration", configuration)
	if _, found := tf.find("GetRoom", room); found {
		t.Error("the room is found after its removal, so it stays in the state")
	}
}

func encodeJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
