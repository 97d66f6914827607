package policy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/policy"
)

// The values that requests and policies are made of: few, so that they often meet.
var (
	actions = []string{"ivschat:GetRoom", "ivschat:CreateRoom", "ivschat:TagResource", "ivs:GetRoom"}

	actionPatterns = []string{"*", "*:*", "ivschat:*", "IVSCHAT:getroom", "ivschat:CreateRoom",
		"ivschat:*Room", "ivs:*", "*:Get*", "ivschat:???Room", "ivschat:?*e*?"}

	resources = []string{roomARN, anyRoom, "arn:aws:ivschat:us-west-2:123456789012:room/ana",
		"arn:aws:ivschat:eu-west-1:000000000000:logging-configuration/a:b"}

	resourcePatterns = []string{"*", roomARN, anyRoom, "arn:*", "arn:aws:ivschat:*:*:room/*",
		"arn:aws:ivschat:us-*", "arn:aws:*:room/*", "arn:*:us-west-?:*", "arn:a?s:ivs*t:*:room/?*",
		"arn:aws:ivschat:*:*:*/${aws:username}", "arn:aws:ivschat:*:*:room/${aws:username, 'g1'}*",
		"arn:*:*:*:*:*${aws:ResourceTag/team}*", "arn:aws:ivschat:eu-*:*:*/a:*", "arn:aws:*:*:*:b",
		"arn:aws:ivschat:*:*:room/${*}", "arn:aws:ivschat:*:*:???m/*"}

	// values are those of tags and tag keys.
	values = []string{"", "a", "A", "b", "ana", "a*", "team", "true", "false", "10", "-2.5", "010",
		"2026-01-31", "2026-01-31T12:00:00Z", "1769860800", "203.0.113.7", "2001:db8::1",
		userARN, "arn:aws:iam::123456789012:role/x", "arn:aws:iam::1:user/a:b", "é"}

	textPatterns = []string{"", "*", "?", "a", "a*", "*a", "?n?", "TEAM", "true", "10", "é",
		"${aws:username}", "${aws:username, 'a'}*", "${aws:ResourceTag/team}", "${*}", "a${*}",
		"x${aws:RequestTag/team, 'n'}", "${$}", "*${aws:PrincipalAccount}*"}

	arnPatterns = []string{userARN, "arn:aws:iam::*:user/*", "arn:*:*:*:*:*", "arn:aws:iam:*:1*:?*",
		"arn:aws:iam::*:user/${aws:username}", "${aws:PrincipalArn, 'a:b:c:d:e:f'}",
		"arn:*:*::*:role/?"}

	numbers  = []string{"10", "-2.5", "11", "0", "1769860800", "10.0"}
	dates    = []string{"2026-01-31", "2026-01-31T12:00:00Z", "1769860800", "0", "2027-01-01"}
	networks = []string{"203.0.113.0/24", "0.0.0.0/0", "203.0.113.7", "2001:db8::/32", "10.0.0.0/8"}
	booleans = []string{"true", "false"}

	tagKeys = []string{"team", "Team", "a", "ana"}

	singleKeys = []string{"aws:username", "aws:PrincipalArn", "aws:PrincipalAccount",
		"aws:RequestedRegion", "aws:SourceIp", "aws:SecureTransport", "aws:CurrentTime",
		"aws:EpochTime", "aws:RequestTag/team", "aws:ResourceTag/Team", "AWS:resourcetag/a",
		"aws:ResourceTag/TEAM", "aws:MultiFactorAuthAge"}
)

// operatorValues has what policies may write under each operator.
var operatorValues = map[string][]string{
	"StringEquals": textPatterns, "StringNotEquals": textPatterns,
	"StringEqualsIgnoreCase": textPatterns, "StringNotEqualsIgnoreCase": textPatterns,
	"StringLike": textPatterns, "StringNotLike": textPatterns,
	"ArnEquals": arnPatterns, "ArnLike": arnPatterns,
	"ArnNotEquals": arnPatterns, "ArnNotLike": arnPatterns,
	"NumericEquals": numbers, "NumericNotEquals": numbers, "NumericLessThan": numbers,
	"NumericLessThanEquals": numbers, "NumericGreaterThan": numbers,
	"NumericGreaterThanEquals": numbers,
	"DateEquals":               dates, "DateNotEquals": dates, "DateLessThan": dates,
	"DateLessThanEquals": dates, "DateGreaterThan": dates, "DateGreaterThanEquals": dates,
	"Bool": booleans, "Null": booleans, "IpAddress": networks, "NotIpAddress": networks,
}

var operatorNames = slices.Sorted(maps.Keys(operatorValues))

func oneOrMore(t *rapid.T, name string, from []string) any {
	if rapid.Bool().Draw(t, name+" alone") {
		return rapid.SampledFrom(from).Draw(t, name)
	}
	return rapid.SliceOfN(rapid.SampledFrom(from), 1, 3).Draw(t, name)
}

func drawCondition(t *rapid.T) map[string]any {
	conditions := map[string]any{}
	for range rapid.IntRange(0, 2).Draw(t, "operators") {
		operator := rapid.SampledFrom(operatorNames).Draw(t, "operator")
		wanted := operatorValues[operator]
		keys := append([]string{}, singleKeys...)
		if operator == "Null" {
			keys = append(keys, "aws:TagKeys")
		} else {
			set := rapid.SampledFrom([]string{"", "ForAllValues:", "ForAnyValue:"}).Draw(t, "set")
			if set != "" {
				keys = append(keys, "aws:TagKeys", "aws:tagkeys", "AWS:TagKeys")
			}
			operator = set + operator + rapid.SampledFrom([]string{"", "IfExists"}).Draw(t, "if")
		}
		conditions[operator] = map[string]any{
			rapid.SampledFrom(keys).Draw(t, "key"): oneOrMore(t, "value", wanted),
		}
	}
	return conditions
}

func drawStatement(t *rapid.T) map[string]any {
	effect := rapid.SampledFrom([]string{"Allow", "Allow", "Deny"})
	not := rapid.SampledFrom([]string{"", "", "", "Not"})
	return map[string]any{
		"Effect":                        effect.Draw(t, "effect"),
		not.Draw(t, "not") + "Action":   oneOrMore(t, "action", actionPatterns),
		not.Draw(t, "not") + "Resource": oneOrMore(t, "resource", resourcePatterns),
		"Condition":                     drawCondition(t),
	}
}

func drawDocument(t *rapid.T) string {
	document := map[string]any{"Statement": drawStatement(t)}
	if rapid.Bool().Draw(t, "list") {
		document["Statement"] = rapid.SliceOfN(rapid.Custom(drawStatement), 1, 3).Draw(t, "statements")
	}
	versions := []string{"2012-10-17", "2012-10-17", "2008-10-17"}
	document["Version"] = rapid.SampledFrom(versions).Draw(t, "version")
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func drawRequest(t *rapid.T) policy.Request {
	tags := rapid.MapOfN(rapid.SampledFrom(tagKeys), rapid.SampledFrom(values), 0, 3)
	r := policy.Request{
		Action:       rapid.SampledFrom(actions).Draw(t, "action"),
		Resource:     rapid.SampledFrom(resources).Draw(t, "resource"),
		UserName:     rapid.SampledFrom([]string{"", "ana", "a*"}).Draw(t, "user"),
		UserARN:      rapid.SampledFrom([]string{"", userARN}).Draw(t, "user ARN"),
		Account:      rapid.SampledFrom([]string{"", "123456789012", "1"}).Draw(t, "account"),
		Region:       rapid.SampledFrom([]string{"", "us-west-2"}).Draw(t, "region"),
		Secure:       rapid.Bool().Draw(t, "secure"),
		RequestTags:  tags.Draw(t, "request tags"),
		ResourceTags: tags.Draw(t, "resource tags"),
		TagKeys:      rapid.SliceOfN(rapid.SampledFrom(values), 0, 3).Draw(t, "tag keys"),
	}
	addresses := []netip.Addr{{}, addr("203.0.113.7"), addr("2001:db8::1")}
	r.SourceIP = rapid.SampledFrom(addresses).Draw(t, "address")
	times := []time.Time{{}, time.Unix(1769860800, 999), time.Unix(10, 0)}
	r.Time = rapid.SampledFrom(times).Draw(t, "time")
	return r
}

// TestEvaluateAgreesWithNaive compares the decisions on policies and requests made
// by chance with those of an evaluator that was written separately.
func TestEvaluateAgreesWithNaive(t *testing.T) {
	seen := map[policy.Effect]int{}
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.Custom(drawDocument), 1, 2).Draw(t, "documents")
		var documents []*policy.Document
		for _, text := range texts {
			document, err := policy.Parse([]byte(text))
			if err != nil {
				t.Fatalf("Parse of %s: %v", text, err)
			}
			documents = append(documents, document)
		}
		for _, r := range rapid.SliceOfN(rapid.Custom(drawRequest), 1, 20).Draw(t, "requests") {
			got, want := policy.Evaluate(documents, r), naiveEffect(texts, r)
			if got.Effect != want {
				t.Errorf("request %+v with\n%s\ngot %s, want %s", r, texts, got.Effect, want)
			}
			checkNamed(t, texts, r, got)
			seen[want]++
		}
	})
	if len(seen) < 3 {
		t.Errorf("only these decisions occurred: %v", seen)
	}
}

// checkNamed checks that the statement which a decision names would alone decide
// the same.
func checkNamed(t *rapid.T, texts []string, r policy.Request, got policy.Decision) {
	if got.Effect == policy.ImplicitDeny {
		if got.Document != -1 || got.Statement != -1 {
			t.Errorf("an implicit deny names document %d, statement %d", got.Document, got.Statement)
		}
		return
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(texts[got.Document]), &document); err != nil {
		t.Fatal(err)
	}
	named := asList(document["Statement"])[got.Statement]
	text, err := json.Marshal(map[string]any{"Version": document["Version"], "Statement": named})
	if err != nil {
		t.Fatal(err)
	}
	if alone := naiveEffect([]string{string(text)}, r); alone != got.Effect {
		t.Errorf("request %+v with %s: the named statement alone, %s, decides %s, want %s",
			r, texts, fmt.Sprint(named), alone, got.Effect)
	}
}
