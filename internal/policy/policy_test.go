package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/policy"
)

const (
	roomARN  = "arn:aws:ivschat:us-west-2:123456789012:room/g1H2I3j4k5L6"
	anyRoom  = "arn:aws:ivschat:us-west-2:123456789012:room/*"
	getRoom  = "ivschat:GetRoom"
	userARN  = "arn:aws:iam::123456789012:user/ana"
	variable = "${aws:username}"
)

func mustParse(t testing.TB, text string) *policy.Document {
	t.Helper()
	document, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse of\n%s\n%v", text, err)
	}
	return document
}

// decide evaluates policies given as JSON.
func decide(t testing.TB, r policy.Request, texts ...string) policy.Decision {
	t.Helper()
	var documents []*policy.Document
	for _, text := range texts {
		documents = append(documents, mustParse(t, text))
	}
	return policy.Evaluate(documents, r)
}

// statement returns a document of one statement, given as the elements of it.
func statement(elements ...string) string {
	return `{"Version": "2012-10-17", "Statement": [{` + strings.Join(elements, ", ") + `}]}`
}

const (
	allow     = `"Effect": "Allow"`
	deny      = `"Effect": "Deny"`
	anyAction = `"Action": "*"`
	anything  = `"Resource": "*"`
)

// The managed policies that mention the service, as far as they matter here.
// Source: AWS managed policy reference.
const (
	fullAccess = `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": ["ivs:*", "ivschat:*"], "Resource": "*"}]}`
	readOnlyAccess = `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": ["ivs:BatchGetChannel", "ivs:Get*", "ivs:List*"],
		 "Resource": "*"}]}`
	denyDelete = `{"Version": "2012-10-17", "Statement": [
		{"Sid": "Reading", "Effect": "Allow", "Action": "ivschat:Get*", "Resource": "*"},
		{"Sid": "NoDeletion", "Effect": "Deny", "Action": "ivschat:Delete*", "Resource": "*"}]}`
)

func TestEvaluate(t *testing.T) {
	denied := policy.Decision{Effect: policy.ImplicitDeny, Document: -1, Statement: -1}
	tests := []struct {
		name      string
		documents []string
		action    string
		want      policy.Decision
	}{
		{"no document", nil, getRoom, denied},
		{"full access", []string{fullAccess}, getRoom,
			policy.Decision{Effect: policy.Allow}},
		{"full access to another service", []string{fullAccess}, "s3:GetObject", denied},
		{"read-only access has no chat action", []string{readOnlyAccess}, getRoom, denied},
		{"second document allows", []string{readOnlyAccess, fullAccess}, getRoom,
			policy.Decision{Effect: policy.Allow, Document: 1}},
		{"the first to allow is named", []string{fullAccess, denyDelete}, getRoom,
			policy.Decision{Effect: policy.Allow}},
		{"deny before allow", []string{denyDelete, fullAccess}, "ivschat:DeleteRoom",
			policy.Decision{Effect: policy.ExplicitDeny, Statement: 1, Sid: "NoDeletion"}},
		{"deny after allow", []string{fullAccess, denyDelete}, "ivschat:DeleteRoom",
			policy.Decision{Effect: policy.ExplicitDeny, Document: 1, Statement: 1, Sid: "NoDeletion"}},
		{"deny alone", []string{denyDelete}, "ivschat:DeleteRoom",
			policy.Decision{Effect: policy.ExplicitDeny, Statement: 1, Sid: "NoDeletion"}},
		{"allow by the other statement", []string{denyDelete}, getRoom,
			policy.Decision{Effect: policy.Allow, Sid: "Reading"}},
		{"neither", []string{denyDelete}, "ivschat:CreateRoom", denied},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := policy.Request{Action: test.action, Resource: roomARN}
			got := decide(t, r, test.documents...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s with %q (-want +got):\n%s", test.action, test.documents, diff)
			}
		})
	}
}

func TestActions(t *testing.T) {
	tests := []struct {
		element, action string
		want            policy.Effect
	}{
		{`"Action": "ivschat:GetRoom"`, getRoom, policy.Allow},
		{`"Action": "IVSCHAT:getroom"`, getRoom, policy.Allow},
		{`"Action": "ivschat:GetRoom"`, "IvsChat:gETrOOM", policy.Allow},
		{`"Action": "ivschat:GetRooms"`, getRoom, policy.ImplicitDeny},
		{`"Action": "ivschat:GetRoo"`, getRoom, policy.ImplicitDeny},
		{`"Action": "ivschat:*"`, getRoom, policy.Allow},
		{`"Action": "ivschat:*Room"`, getRoom, policy.Allow},
		{`"Action": "ivschat:*Rooms"`, getRoom, policy.ImplicitDeny},
		{`"Action": "ivschat:?etRoom"`, getRoom, policy.Allow},
		{`"Action": "ivschat:?GetRoom"`, getRoom, policy.ImplicitDeny},
		{`"Action": "ivschat:G*t?oo*m"`, getRoom, policy.Allow},
		{`"Action": "*:GetRoom"`, getRoom, policy.Allow},
		{`"Action": "*"`, getRoom, policy.Allow},
		{`"Action": "ivs:*"`, getRoom, policy.ImplicitDeny},
		{`"Action": ["ivs:*", "ivschat:List*"]`, getRoom, policy.ImplicitDeny},
		{`"Action": ["ivs:*", "ivschat:Get*"]`, getRoom, policy.Allow},
		{`"NotAction": "ivschat:GetRoom"`, getRoom, policy.ImplicitDeny},
		{`"NotAction": "ivschat:getroom"`, getRoom, policy.ImplicitDeny},
		{`"NotAction": "ivschat:Delete*"`, getRoom, policy.Allow},
		{`"NotAction": ["ivschat:Delete*", "ivschat:Get*"]`, getRoom, policy.ImplicitDeny},
		{`"NotAction": ["ivschat:Delete*", "ivschat:Update*"]`, getRoom, policy.Allow},
		{`"NotAction": "iam:*"`, getRoom, policy.Allow},
	}
	for _, test := range tests {
		r := policy.Request{Action: test.action, Resource: roomARN}
		got := decide(t, r, statement(allow, test.element, anything))
		if got.Effect != test.want {
			t.Errorf("%s with %s: got %s, want %s", test.action, test.element, got.Effect, test.want)
		}
	}
}

func TestResources(t *testing.T) {
	const object = "arn:aws:s3:::amzn-s3-demo-bucket/"
	tests := []struct {
		element, resource string
		want              policy.Effect
	}{
		{`"Resource": "*"`, roomARN, policy.Allow},
		{`"Resource": "**"`, roomARN, policy.Allow},
		{`"Resource": "` + roomARN + `"`, roomARN, policy.Allow},
		{`"Resource": "` + strings.ToLower(roomARN) + `"`, roomARN, policy.ImplicitDeny},
		{`"Resource": "` + anyRoom + `"`, roomARN, policy.Allow},
		{`"Resource": "` + anyRoom + `"`, anyRoom, policy.Allow},
		{`"Resource": "` + roomARN + `"`, anyRoom, policy.ImplicitDeny},
		{`"Resource": "arn:aws:ivschat:*:*:room/*"`, roomARN, policy.Allow},
		{`"Resource": "arn:*:*:*:*:*"`, roomARN, policy.Allow},
		{`"Resource": "arn:aws:ivschat:us-*-2:123456789012:room/g1*L6"`, roomARN, policy.Allow},
		{`"Resource": "arn:aws:ivschat:us-west-?:1?3456789012:room/?1*"`, roomARN, policy.Allow},
		{`"Resource": "arn:aws:ivschat:us-west-2??:123456789012:room/*"`, roomARN,
			policy.ImplicitDeny},
		{`"Resource": "arn:aws:ivschat:eu-*:*:room/*"`, roomARN, policy.ImplicitDeny},
		{`"Resource": "arn:aws:ivschat:*:*:logging-configuration/*"`, roomARN, policy.ImplicitDeny},
		{`"Resource": ["arn:aws:ivschat:eu-*:*:room/*", "` + anyRoom + `"]`, roomARN, policy.Allow},

		// A * that ends a segment can take in the following ones, others cannot.
		{`"Resource": "arn:*"`, roomARN, policy.Allow},
		{`"Resource": "arn:aws:ivschat:us-*"`, roomARN, policy.Allow},
		{`"Resource": "arn:aws:ivschat:eu-*"`, roomARN, policy.ImplicitDeny},
		{`"Resource": "arn:aws:ivschat:*:room/*"`, roomARN, policy.Allow},
		{`"Resource": "arn:*:room/g1H2I3j4k5L6"`, roomARN, policy.Allow},
		{`"Resource": "arn:*:us-*:room/*"`, roomARN, policy.Allow},
		{`"Resource": "arn:a*:i*:room/*L6"`, roomARN, policy.Allow},
		{`"Resource": "arn:a*:i*:room/*L7"`, roomARN, policy.ImplicitDeny},
		{`"Resource": "arn:*:us-west-2:room/*"`, roomARN, policy.ImplicitDeny},
		{`"Resource": "arn:aws:*room/*"`, roomARN, policy.ImplicitDeny},
		{`"Resource": "arn:aws:ivschat:us*2:room/*"`, roomARN, policy.ImplicitDeny},
		{`"Resource": "arn:aws:ivschat:us-west-2?123456789012:room/*:*"`, roomARN,
			policy.ImplicitDeny},
		{`"Resource": "arn:aws:ivschat:us-west-2:123456789012:room/g1H2I3j4k5L6:*"`, roomARN,
			policy.ImplicitDeny},

		{`"NotResource": "*"`, roomARN, policy.ImplicitDeny},
		{`"NotResource": "` + roomARN + `"`, roomARN, policy.ImplicitDeny},
		{`"NotResource": "` + roomARN + `"`, anyRoom, policy.Allow},
		{`"NotResource": ["arn:aws:s3:::a", "` + anyRoom + `"]`, roomARN, policy.ImplicitDeny},
		{`"NotResource": ["arn:aws:s3:::a", "arn:aws:s3:::b"]`, roomARN, policy.Allow},

		// Source: IAM user guide, IAM JSON policy elements: Resource.
		{`"Resource": "` + object + `*/test/*"`, object + "1/test/object.jpg", policy.Allow},
		{`"Resource": "` + object + `*/test/*"`, object + "1/2/test/3/object.jpg", policy.Allow},
		{`"Resource": "` + object + `*/test/*"`, object + "1///test///object.jpg", policy.Allow},
		{`"Resource": "` + object + `*/test/*"`, object + "1/test/.jpg", policy.Allow},
		{`"Resource": "` + object + `*/test/*"`, object + "/test/object.jpg", policy.Allow},
		{`"Resource": "` + object + `*/test/*"`, object + "1/test/", policy.Allow},
		{`"Resource": "` + object + `*/test/*"`, object + "1-test/object.jpg", policy.ImplicitDeny},
		{`"Resource": "` + object + `*/test/*"`, object + "test/object.jpg", policy.ImplicitDeny},
		{`"Resource": "` + object + `*/test/*"`, object + "1/2/test.jpg", policy.ImplicitDeny},
	}
	for _, test := range tests {
		r := policy.Request{Action: getRoom, Resource: test.resource}
		got := decide(t, r, statement(allow, anyAction, test.element))
		if got.Effect != test.want {
			t.Errorf("%s with %s: got %s, want %s", test.resource, test.element, got.Effect, test.want)
		}
	}
}

func TestVariables(t *testing.T) {
	const room = "arn:aws:ivschat:us-west-2:123456789012:room/"
	ana := policy.Request{Action: getRoom, UserName: "ana",
		ResourceTags: map[string]string{"Owner": "ana", "stars": "a*", "none": "", "bad": "\xff"}}
	root := policy.Request{Action: getRoom}
	tests := []struct {
		name    string
		request policy.Request
		element string
		last    string // the end of the resource's ARN
		want    policy.Effect
	}{
		{"the user's", ana, `"Resource": "` + room + `${aws:username}"`, "ana", policy.Allow},
		{"another's", ana, `"Resource": "` + room + `${aws:username}"`, "ben", policy.ImplicitDeny},
		{"case of the name", ana, `"Resource": "` + room + `${AWS:UserName}"`, "ana", policy.Allow},
		{"amid text", ana, `"Resource": "` + room + `x-${aws:username}-*"`, "x-ana-1", policy.Allow},
		{"two", ana, `"Resource": "` + room + `${aws:username}${aws:resourcetag/owner}"`, "anaana",
			policy.Allow},
		{"no value", root, `"Resource": "` + room + `${aws:username}"`, "", policy.ImplicitDeny},
		{"no value, wildcards", root, `"Resource": "` + room + `*${aws:username}*"`, "x",
			policy.ImplicitDeny},
		{"no value, others fit", root, `"Resource": ["` + room + `${aws:username}", "*"]`, "x",
			policy.Allow},
		{"no value, not", root, `"NotResource": "` + room + `${aws:username}"`, "x", policy.Allow},
		{"empty value", ana, `"Resource": "` + room + `*${aws:ResourceTag/none}"`, "x",
			policy.ImplicitDeny},
		{"unknown key", ana, `"Resource": "` + room + `${aws:PrincipalTag/team}*"`, "x",
			policy.ImplicitDeny},
		{"default unused", ana, `"Resource": "` + room + `${aws:username, 'nobody'}"`, "ana",
			policy.Allow},
		{"default", root, `"Resource": "` + room + `${aws:username, 'nobody'}"`, "nobody",
			policy.Allow},
		{"default for an empty value", ana, `"Resource": "` + room + `${aws:ResourceTag/none, 'no'}"`,
			"no", policy.Allow},
		{"empty default", root, `"Resource": "` + room + `x${aws:username,''}y"`, "xy", policy.Allow},
		{"default with spaces", root, `"Resource": "` + room + `${aws:username,  ' a b '}"`, " a b ",
			policy.Allow},
		{"default is no pattern", root, `"Resource": "` + room + `${aws:username, '*'}"`, "x",
			policy.ImplicitDeny},
		{"value is no pattern", ana, `"Resource": "` + room + `${aws:ResourceTag/stars}"`, "ab",
			policy.ImplicitDeny},
		{"value with a star", ana, `"Resource": "` + room + `${aws:ResourceTag/stars}"`, "a*",
			policy.Allow},
		{"value is no smuggled pattern", ana, `"Resource": "` + room + `${aws:ResourceTag/bad}"`, "ab",
			policy.ImplicitDeny},
		{"star", ana, `"Resource": "` + room + `${*}"`, "*", policy.Allow},
		{"star is no pattern", ana, `"Resource": "` + room + `${*}"`, "x", policy.ImplicitDeny},
		{"question mark", ana, `"Resource": "` + room + `a${?}"`, "a?", policy.Allow},
		{"question mark is no pattern", ana, `"Resource": "` + room + `a${?}"`, "ab",
			policy.ImplicitDeny},
		{"dollar", ana, `"Resource": "` + room + `${$}{aws:username}"`, variable, policy.Allow},
		{"lone dollar", ana, `"Resource": "` + room + `$a$"`, "$a$", policy.Allow},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.request.Resource = room + test.last
			got := decide(t, test.request, statement(allow, anyAction, test.element))
			if got.Effect != test.want {
				t.Errorf("%s with %s: got %s, want %s",
					test.request.Resource, test.element, got.Effect, test.want)
			}
		})
	}
}

// TestVersions checks that only the newer version of the language has variables.
func TestVersions(t *testing.T) {
	const room = "arn:aws:ivschat:us-west-2:123456789012:room/"
	tests := []struct {
		version, last string
		want          policy.Effect
	}{
		{`"Version": "2012-10-17", `, "ana", policy.Allow},
		{`"Version": "2012-10-17", `, variable, policy.ImplicitDeny},
		{`"Version": "2008-10-17", `, "ana", policy.ImplicitDeny},
		{`"Version": "2008-10-17", `, variable, policy.Allow},
		{``, "ana", policy.ImplicitDeny},
		{``, variable, policy.Allow},
	}
	for _, test := range tests {
		document := fmt.Sprintf(`{%s"Statement": {"Effect": "Allow", "Action": "*", "Resource": %q}}`,
			test.version, room+variable)
		r := policy.Request{Action: getRoom, Resource: room + test.last, UserName: "ana"}
		if got := decide(t, r, document); got.Effect != test.want {
			t.Errorf("%s with %s: got %s, want %s", r.Resource, document, got.Effect, test.want)
		}
	}
}

// TestExamples evaluates policies of the user guides, with the actions of this
// service in place of others. Source: IAM user guide, Policies and permissions.
func TestExamples(t *testing.T) {
	const (
		ownRooms = `{"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Action": ["ivschat:UpdateRoom", "ivschat:DeleteRoom"],
			 "Resource": "arn:aws:ivschat:*:*:room/*",
			 "Condition": {"StringEquals": {"aws:ResourceTag/Owner": "${aws:username}"}}},
			{"Effect": "Allow", "Action": "ivschat:ListRooms", "Resource": "*"}]}`
		tagging = `{"Version": "2012-10-17", "Statement": {
			"Effect": "Allow", "Action": "ivschat:TagResource",
			"Resource": "arn:aws:ivschat:*:*:room/*",
			"Condition": {
				"StringEquals": {"aws:RequestTag/environment": ["preprod", "production"]},
				"ForAllValues:StringEquals": {"aws:TagKeys": "environment"}}}}`
		inside = `{"Version": "2012-10-17", "Statement": {
			"Effect": "Deny", "Action": "*", "Resource": "*",
			"Condition": {"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]}}}}`
	)
	tagged := func(environment string, keys ...string) policy.Request {
		return policy.Request{Action: "ivschat:TagResource", Resource: roomARN,
			RequestTags: map[string]string{"environment": environment}, TagKeys: keys}
	}
	owned := func(action string, tags map[string]string) policy.Request {
		return policy.Request{Action: action, Resource: roomARN, UserName: "richard-roe",
			ResourceTags: tags}
	}
	from := func(address string) policy.Request {
		return policy.Request{Action: getRoom, Resource: roomARN, SourceIP: addr(address)}
	}
	tests := []struct {
		name     string
		document string
		request  policy.Request
		want     policy.Effect
	}{
		{"owner", ownRooms, owned("ivschat:UpdateRoom", map[string]string{"Owner": "richard-roe"}),
			policy.Allow},
		{"owner, case of the tag", ownRooms,
			owned("ivschat:UpdateRoom", map[string]string{"owner": "richard-roe"}), policy.Allow},
		{"owner, case of the value", ownRooms,
			owned("ivschat:UpdateRoom", map[string]string{"Owner": "Richard-Roe"}), policy.ImplicitDeny},
		{"not the owner", ownRooms, owned("ivschat:UpdateRoom", map[string]string{"Owner": "ana"}),
			policy.ImplicitDeny},
		{"no owner", ownRooms, owned("ivschat:UpdateRoom", nil), policy.ImplicitDeny},
		{"other statement", ownRooms, owned("ivschat:ListRooms", nil), policy.Allow},
		{"allowed tag", tagging, tagged("preprod", "environment"), policy.Allow},
		{"other value", tagging, tagged("beta", "environment"), policy.ImplicitDeny},
		{"one more tag", tagging, tagged("preprod", "environment", "x"), policy.ImplicitDeny},
		{"other case of a tag key", tagging, tagged("preprod", "Environment"), policy.ImplicitDeny},
		{"inside", inside, from("203.0.113.7"), policy.ImplicitDeny},
		{"outside", inside, from("198.51.100.7"), policy.ExplicitDeny},
		{"no address", inside, policy.Request{Action: getRoom, Resource: roomARN},
			policy.ExplicitDeny},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := decide(t, test.request, test.document); got.Effect != test.want {
				t.Errorf("%+v with\n%s\ngot %s, want %s",
					test.request, test.document, got.Effect, test.want)
			}
		})
	}
}

func TestEffectNames(t *testing.T) {
	want := []string{"implicit deny", "allow", "explicit deny"}
	got := []string{policy.ImplicitDeny.String(), policy.Allow.String(), policy.ExplicitDeny.String()}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong names (-want +got):\n%s", diff)
	}
}
