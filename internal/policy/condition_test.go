package policy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/policy"
)

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// met reports whether r meets a condition, given as JSON.
func met(t testing.TB, condition string, r policy.Request) bool {
	t.Helper()
	r.Action, r.Resource = getRoom, roomARN
	text := statement(allow, anyAction, anything, `"Condition": `+condition)
	return decide(t, r, text).Effect == policy.Allow
}

// withTag returns a request that has the condition key aws:ResourceTag/k.
func withTag(value string) policy.Request {
	return policy.Request{ResourceTags: map[string]string{"k": value}}
}

// withKeys returns a request that has these values of aws:TagKeys.
func withKeys(keys ...string) policy.Request { return policy.Request{TagKeys: keys} }

// TestOperators compares a key that has one value with what a policy wants.
func TestOperators(t *testing.T) {
	tests := []struct {
		operator, wanted, got string
		want                  bool
	}{
		{"StringEquals", `"ana"`, "ana", true},
		{"StringEquals", `"ana"`, "Ana", false},
		{"StringEquals", `"ana"`, "anaa", false},
		{"StringEquals", `"a*"`, "ana", false},
		{"StringEquals", `"a*"`, "a*", true},
		{"StringEquals", `["ben", "ana"]`, "ana", true},
		{"StringEquals", `["ben", "eva"]`, "ana", false},
		{"StringEquals", `""`, "", true},
		{"StringEquals", `"x"`, "", false},
		{"StringEquals", `10`, "10", true},
		{"StringEquals", `true`, "true", true},
		{"StringNotEquals", `"ana"`, "ana", false},
		{"StringNotEquals", `"ana"`, "Ana", true},
		{"StringNotEquals", `["ben", "ana"]`, "ana", false},
		{"StringNotEquals", `["ben", "eva"]`, "ana", true},
		{"StringEqualsIgnoreCase", `"ana"`, "ANA", true},
		{"StringEqualsIgnoreCase", `"änn"`, "ÄNN", true},
		{"StringEqualsIgnoreCase", `"ana"`, "anna", false},
		{"StringNotEqualsIgnoreCase", `"ana"`, "ANA", false},
		{"StringNotEqualsIgnoreCase", `"ana"`, "ben", true},
		{"StringNotEqualsIgnoreCase", `["ana", "ben"]`, "BEN", false},
		{"StringLike", `"a*"`, "ana", true},
		{"StringLike", `"a*"`, "Ana", false},
		{"StringLike", `["b*", "?n?"]`, "ana", true},
		{"StringNotLike", `"a*"`, "ana", false},
		{"StringNotLike", `["a*", "b*"]`, "ben", false},
		{"StringNotLike", `["a*", "b*"]`, "eva", true},

		{"NumericEquals", `"10"`, "10", true},
		{"NumericEquals", `10`, "10.0", true},
		{"NumericEquals", `10`, "010", true},
		{"NumericEquals", `"-2.5"`, "-2.50", true},
		{"NumericEquals", `-2.5`, "2.5", false},
		{"NumericEquals", `"9007199254740993"`, "9007199254740992", false},
		{"NumericEquals", `10`, "ten", false},
		{"NumericEquals", `10`, "1e1", false},
		{"NumericEquals", `10`, "", false},
		{"NumericEquals", `10`, "+-10", false},
		{"NumericEquals", `1`, strings.Repeat("0", 63) + "1", true},
		{"NumericEquals", `1`, strings.Repeat("0", 64) + "1", false},
		{"NumericNotEquals", `10`, "10", false},
		{"NumericNotEquals", `10`, "11", true},
		{"NumericNotEquals", `10`, "ten", true},
		{"NumericLessThan", `10`, "9.99", true},
		{"NumericLessThan", `10`, "10", false},
		{"NumericLessThan", `10`, "10.01", false},
		{"NumericLessThan", `10`, "few", false},
		{"NumericLessThanEquals", `10`, "10", true},
		{"NumericLessThanEquals", `10`, "10.01", false},
		{"NumericGreaterThan", `10`, "10", false},
		{"NumericGreaterThan", `10`, "100", true},
		{"NumericGreaterThanEquals", `10`, "10", true},
		{"NumericGreaterThanEquals", `10`, "9", false},

		{"DateEquals", `"2026-01-31"`, "2026-01-31T00:00:00Z", true},
		{"DateEquals", `"2026-01"`, "2026-01-01", true},
		{"DateEquals", `"2026-01-31T13:00+01:00"`, "2026-01-31T12:00:00Z", true},
		{"DateEquals", `"2026-01-31t12:00:00.5z"`, "2026-01-31T12:00:00.500Z", true},
		{"DateEquals", `1769817600`, "2026-01-31T00:00:00Z", true},
		{"DateEquals", `"253402300799"`, "9999-12-31T23:59:59Z", true},
		{"DateEquals", `"2026-01-31"`, "yesterday", false},
		{"DateEquals", `0`, "18446744073709551616", false},
		{"DateNotEquals", `"2026-01-31"`, "2026-01-31", false},
		{"DateNotEquals", `"2026-01-31"`, "yesterday", true},
		{"DateLessThan", `"2026-01-31"`, "2026-01-30T23:59:59Z", true},
		{"DateLessThan", `"2026-01-31"`, "2026-01-31T00:00:00Z", false},
		{"DateLessThanEquals", `"2026-01-31"`, "2026-01-31T00:00:00Z", true},
		{"DateLessThanEquals", `"2026-01-31"`, "2026-01-31T00:00:01Z", false},
		{"DateGreaterThan", `"2026-01-31"`, "2026-01-31T00:00:00Z", false},
		{"DateGreaterThan", `"2026-01-31"`, "2026-01-31T00:00:01Z", true},
		{"DateGreaterThanEquals", `"2026-01-31"`, "2026-01-31T00:00:00Z", true},
		{"DateGreaterThanEquals", `"2026-01-31"`, "2026-01-30T23:59:59Z", false},

		{"Bool", `"true"`, "true", true},
		{"Bool", `true`, "true", true},
		{"Bool", `"True"`, "TRUE", true},
		{"Bool", `"true"`, "false", false},
		{"Bool", `false`, "false", true},
		{"Bool", `"true"`, "yes", false},

		{"IpAddress", `"203.0.113.0/24"`, "203.0.113.255", true},
		{"IpAddress", `"203.0.113.0/24"`, "203.0.114.0", false},
		{"IpAddress", `"203.0.113.9/24"`, "203.0.113.1", true},
		{"IpAddress", `"203.0.113.9"`, "203.0.113.9", true},
		{"IpAddress", `"203.0.113.9"`, "203.0.113.8", false},
		{"IpAddress", `"0.0.0.0/0"`, "2001:db8::1", false},
		{"IpAddress", `"2001:DB8:1234:5678::/64"`, "2001:db8:1234:5678:9::1", true},
		{"IpAddress", `"2001:DB8:1234:5678::/64"`, "2001:db8:1234:5679::1", false},
		{"IpAddress", `"203.0.113.0/24"`, "somewhere", false},
		{"IpAddress", `["203.0.113.0/24", "2001:DB8::/32"]`, "2001:db8::1", true},
		{"NotIpAddress", `"203.0.113.0/24"`, "203.0.113.255", false},
		{"NotIpAddress", `"203.0.113.0/24"`, "203.0.114.0", true},
		{"NotIpAddress", `["203.0.113.0/24", "203.0.114.0/24"]`, "203.0.114.0", false},
		{"NotIpAddress", `"203.0.113.0/24"`, "somewhere", true},
	}
	for _, test := range tests {
		condition := fmt.Sprintf(`{%q: {"aws:ResourceTag/k": %s}}`, test.operator, test.wanted)
		if got := met(t, condition, withTag(test.got)); got != test.want {
			t.Errorf("%s with value %q: got %t, want %t", condition, test.got, got, test.want)
		}
		condition = fmt.Sprintf(`{"%sIfExists": {"aws:ResourceTag/k": %s}}`, test.operator, test.wanted)
		if got := met(t, condition, withTag(test.got)); got != test.want {
			t.Errorf("%s with value %q: got %t, want %t", condition, test.got, got, test.want)
		}
	}
}

func TestARNOperators(t *testing.T) {
	tests := []struct {
		wanted, got string
		want        bool
	}{
		{userARN, userARN, true},
		{"arn:aws:iam::123456789012:user/Ana", userARN, false},
		{"arn:aws:iam::*:user/*", userARN, true},
		{"arn:*:*:*:*:*", userARN, true},
		{"arn:aws:iam::12345678901?:user/a?a", userARN, true},
		{"arn:aws:iam::*:role/*", userARN, false},
		{"arn:aws:iam:?:*:user/*", userARN, false},
		{"arn:aws:iam::*:user/*", "user/ana", false},
		{"arn:aws:iam::*:user/*", "arn:aws:iam::123456789012", false},
		{"arn:aws:iam::1*:a", "arn:aws:iam::1:user/x:a", false},
		{"arn:aws:logs:*:*:log-group:*", "arn:aws:logs:us-east-1:1:log-group:a:b", true},
		{"arn:aws:iam::*:user/${aws:username}", userARN, true},
		{"${aws:PrincipalArn}", userARN, true},
		{"arn:aws:iam::${aws:PrincipalAccount}:user/*", userARN, false},
		// Source: IAM user guide, Condition operators, the ARN ones.
		{"arn:aws:someservice:*:111122223333:finance/*",
			"arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
			false},
	}
	for _, test := range tests {
		r := withTag(test.got)
		r.UserName, r.UserARN = "ana", userARN
		for operator, want := range map[string]bool{
			"ArnEquals": test.want, "ArnLike": test.want,
			"ArnNotEquals": !test.want, "ArnNotLike": !test.want,
		} {
			condition := fmt.Sprintf(`{%q: {"aws:ResourceTag/k": %q}}`, operator, test.wanted)
			if got := met(t, condition, r); got != want {
				t.Errorf("%s with value %q: got %t, want %t", condition, test.got, got, want)
			}
		}
	}
}

func TestWildcards(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything at all: a/b", true},
		{"?", "", false},
		{"?", "a", true},
		{"?", "ab", false},
		{"?", "é", true},
		{"?", "€", true},
		{"??", "€", false},
		{"*??", "€", false},
		{"*?b", "€b", true},
		{"*??ab", "€ab", false},
		{"*€", "a€", true},
		{"a*b", "ab", true},
		{"a*b", "axxb", true},
		{"a*b", "axxbc", false},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"*ab", "aab", true},
		{"*aab", "aaab", true},
		{"**a**", "xax", true},
		{"*a?", "aa", true},
		{"*a?", "xxa", false},
		{"[a-c]", "b", false},
		{"[a-c]", "[a-c]", true},
		{`a\*`, `a\b`, true},
		{"a.c", "abc", false},
		{"${*}*", "*x", true},
		{"${*}*", "x", false},
		{"a${?}c", "abc", false},
		{"line\n*", "line\nbreak\n", true},
	}
	for _, test := range tests {
		condition := fmt.Sprintf(`{"StringLike": {"aws:ResourceTag/k": %q}}`, test.pattern)
		if got := met(t, condition, withTag(test.text)); got != test.want {
			t.Errorf("pattern %q with text %q: got %t, want %t",
				test.pattern, test.text, got, test.want)
		}
	}
}

// TestWildcardsTakeLittleTime has patterns with which a matcher that tries all ways
// would never finish.
func TestWildcardsTakeLittleTime(t *testing.T) {
	const n = 1000
	text := strings.Repeat("a", n)
	tests := []struct{ name, pattern string }{
		{"many runs", strings.Repeat("a*", n) + "b"},
		{"runs and single characters", strings.Repeat("*?", n/2) + "b"},
		{"long tail", "*" + strings.Repeat("a", n/2) + "b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			condition := fmt.Sprintf(`{"StringLike": {"aws:ResourceTag/k": %q}}`, test.pattern)
			if met(t, condition, withTag(text)) {
				t.Error("the pattern fits, but it ends in another character")
			}
			resource := statement(allow, anyAction, fmt.Sprintf(`"Resource": "arn:%s"`,
				strings.Repeat("*:"+test.pattern, 5)))
			r := policy.Request{Resource: "arn" + strings.Repeat(":"+text, 20)}
			if got := decide(t, r, resource); got.Effect != policy.ImplicitDeny {
				t.Errorf("got %s of a resource that does not fit", got.Effect)
			}
		})
	}
}

// TestAbsentKeys asks for a key that the request does not have.
func TestAbsentKeys(t *testing.T) {
	operators := []struct {
		name, wanted string
		negated      bool
	}{
		{"StringEquals", `"x"`, false},
		{"StringNotEquals", `"x"`, true},
		{"StringEqualsIgnoreCase", `"x"`, false},
		{"StringNotEqualsIgnoreCase", `"x"`, true},
		{"StringLike", `"*"`, false},
		{"StringNotLike", `"*"`, true},
		{"ArnEquals", `"arn:*:*:*:*:*"`, false},
		{"ArnLike", `"arn:*:*:*:*:*"`, false},
		{"ArnNotEquals", `"arn:*:*:*:*:*"`, true},
		{"ArnNotLike", `"arn:*:*:*:*:*"`, true},
		{"NumericEquals", `0`, false},
		{"NumericNotEquals", `0`, true},
		{"NumericLessThan", `0`, false},
		{"NumericLessThanEquals", `0`, false},
		{"NumericGreaterThan", `0`, false},
		{"NumericGreaterThanEquals", `0`, false},
		{"DateEquals", `0`, false},
		{"DateNotEquals", `0`, true},
		{"DateLessThan", `0`, false},
		{"DateLessThanEquals", `0`, false},
		{"DateGreaterThan", `0`, false},
		{"DateGreaterThanEquals", `0`, false},
		{"Bool", `false`, false},
		{"IpAddress", `"0.0.0.0/0"`, false},
		{"NotIpAddress", `"0.0.0.0/0"`, true},
	}
	for _, operator := range operators {
		for form, want := range map[string]bool{
			"%s":                      operator.negated,
			"%sIfExists":              true,
			"ForAllValues:%s":         true,
			"ForAllValues:%sIfExists": true,
			"ForAnyValue:%s":          false,
			"ForAnyValue:%sIfExists":  true,
		} {
			for _, key := range []string{"aws:ResourceTag/k", "aws:username", "aws:MultiFactorAuthAge"} {
				condition := fmt.Sprintf(`{%q: {%q: %s}}`,
					fmt.Sprintf(form, operator.name), key, operator.wanted)
				if got := met(t, condition, policy.Request{}); got != want {
					t.Errorf("%s without the key: got %t, want %t", condition, got, want)
				}
			}
		}
	}
}

// TestSets asks for a key that has several values.
func TestSets(t *testing.T) {
	tests := []struct {
		operator, wanted string
		got              []string
		want             bool
	}{
		{"ForAllValues:StringEquals", `["a", "b"]`, []string{"a"}, true},
		{"ForAllValues:StringEquals", `["a", "b"]`, []string{"a", "b"}, true},
		{"ForAllValues:StringEquals", `["a", "b"]`, []string{"b", "c"}, false},
		{"ForAllValues:StringEquals", `["a", "b"]`, []string{"A"}, false},
		{"ForAllValues:StringEquals", `["a", "b"]`, []string{}, true},
		{"ForAllValues:StringEquals", `["a", "b"]`, nil, true},
		{"ForAllValues:StringEqualsIgnoreCase", `["a", "b"]`, []string{"A", "B"}, true},
		{"ForAllValues:StringNotEquals", `["a", "b"]`, []string{"c", "d"}, true},
		{"ForAllValues:StringNotEquals", `["a", "b"]`, []string{"c", "b"}, false},
		{"ForAllValues:StringNotEquals", `["a", "b"]`, nil, true},
		{"ForAnyValue:StringEquals", `["a", "b"]`, []string{"c", "b"}, true},
		{"ForAnyValue:StringEquals", `["a", "b"]`, []string{"c", "d"}, false},
		{"ForAnyValue:StringEquals", `["a", "b"]`, []string{}, false},
		{"ForAnyValue:StringEquals", `["a", "b"]`, nil, false},
		{"ForAnyValue:StringEqualsIfExists", `["a", "b"]`, nil, true},
		{"ForAnyValue:StringEqualsIfExists", `["a", "b"]`, []string{"c"}, false},
		{"ForAnyValue:StringNotEquals", `["a", "b"]`, []string{"a", "b"}, false},
		{"ForAnyValue:StringNotEquals", `["a", "b"]`, []string{"a", "c"}, true},
		{"ForAnyValue:StringNotEquals", `["a", "b"]`, nil, false},
		{"ForAnyValue:StringLike", `["a*", "b*"]`, []string{"x", "bb"}, true},
		{"ForAnyValue:StringNotLike", `"a*"`, []string{"ab", "ac"}, false},
		{"ForAnyValue:StringNotLike", `"a*"`, []string{"ab", "x"}, true},
		{"ForAnyValue:NumericLessThan", `10`, []string{"x", "11", "9"}, true},
		{"ForAllValues:NumericLessThan", `10`, []string{"11", "9"}, false},

		// Source: IAM user guide, Multivalued context key examples.
		{"ForAllValues:StringNotLike", `"key1*"`, []string{"key1:legal"}, false},
		{"ForAllValues:StringNotLike", `"key1*"`, []string{"key1:hr", "key1:personnel"}, false},
		{"ForAllValues:StringNotLike", `"key1*"`, []string{"key2:audit"}, true},
		{"ForAllValues:StringNotLike", `"key1*"`, nil, true},
		// Source: IAM user guide, evaluation of the set operators.
		{"ForAllValues:StringEquals", `["PostDateTime", "Message", "Tags"]`,
			[]string{"PostDateTime", "UserName"}, false},
		{"ForAnyValue:StringEquals", `["ID", "PostDateTime"]`,
			[]string{"UserName", "Message", "PostDateTime"}, true},
		{"ForAnyValue:StringEquals", `["ID", "PostDateTime"]`, []string{"UserName"}, false},
	}
	for _, test := range tests {
		condition := fmt.Sprintf(`{%q: {"aws:TagKeys": %s}}`, test.operator, test.wanted)
		if got := met(t, condition, withKeys(test.got...)); got != test.want {
			t.Errorf("%s with values %q: got %t, want %t", condition, test.got, got, test.want)
		}
	}
}

// TestSetsOfOneValue uses the set forms with keys that have one value, or an empty
// one, which counts as none.
func TestSetsOfOneValue(t *testing.T) {
	tests := []struct {
		operator, got string
		want          bool
	}{
		{"ForAllValues:StringEquals", "x", true},
		{"ForAllValues:StringEquals", "y", false},
		{"ForAllValues:StringEquals", "", true},
		{"ForAllValues:StringNotEquals", "x", false},
		{"ForAllValues:StringNotEquals", "", true},
		{"ForAnyValue:StringEquals", "x", true},
		{"ForAnyValue:StringEquals", "y", false},
		{"ForAnyValue:StringEquals", "", false},
		{"ForAnyValue:StringNotEquals", "y", true},
		{"ForAnyValue:StringNotEquals", "", false},
		{"ForAnyValue:StringEqualsIfExists", "", false},
	}
	for _, test := range tests {
		condition := fmt.Sprintf(`{%q: {"aws:ResourceTag/k": "x"}}`, test.operator)
		if got := met(t, condition, withTag(test.got)); got != test.want {
			t.Errorf("%s with value %q: got %t, want %t", condition, test.got, got, test.want)
		}
	}
}

func TestNull(t *testing.T) {
	absent := policy.Request{}
	tests := []struct {
		condition string
		request   policy.Request
		want      bool
	}{
		{`{"Null": {"aws:ResourceTag/k": "true"}}`, absent, true},
		{`{"Null": {"aws:ResourceTag/k": "false"}}`, absent, false},
		{`{"Null": {"aws:ResourceTag/k": true}}`, withTag("x"), false},
		{`{"Null": {"aws:ResourceTag/k": false}}`, withTag("x"), true},
		{`{"Null": {"aws:ResourceTag/k": "True"}}`, withTag(""), true},
		{`{"Null": {"aws:ResourceTag/k": "FALSE"}}`, withTag(""), false},
		{`{"Null": {"aws:ResourceTag/k": ["true", "false"]}}`, withTag("x"), true},
		{`{"Null": {"aws:TagKeys": "true"}}`, absent, true},
		{`{"Null": {"aws:TagKeys": "true"}}`, withKeys("a", "b"), false},
		{`{"Null": {"aws:TagKeys": "false"}}`, withKeys("a", "b"), true},
		{`{"Null": {"aws:TokenIssueTime": "true"}}`, absent, true},
		{`{"Null": {"aws:SecureTransport": "true"}}`, absent, false},
	}
	for _, test := range tests {
		if got := met(t, test.condition, test.request); got != test.want {
			t.Errorf("%s with %+v: got %t, want %t", test.condition, test.request, got, test.want)
		}
	}
}

// TestConditionsCombine checks that every operator and every key has to hold.
func TestConditionsCombine(t *testing.T) {
	const condition = `{
		"StringEquals": {"aws:ResourceTag/a": "1", "aws:ResourceTag/b": ["2", "3"]},
		"StringNotEquals": {"aws:ResourceTag/c": ["4", "5"]}}`
	tests := []struct {
		a, b, c string
		want    bool
	}{
		{"1", "2", "x", true},
		{"1", "3", "x", true},
		{"x", "2", "x", false},
		{"1", "x", "x", false},
		{"1", "2", "4", false},
		{"1", "2", "5", false},
	}
	for _, test := range tests {
		tags := map[string]string{"a": test.a, "b": test.b, "c": test.c}
		if got := met(t, condition, policy.Request{ResourceTags: tags}); got != test.want {
			t.Errorf("%s with tags %v: got %t, want %t", condition, tags, got, test.want)
		}
	}
	for _, empty := range []string{`{}`, `{"StringEquals": {}}`} {
		if !met(t, empty, policy.Request{}) {
			t.Errorf("the condition %s, which asks nothing, is not met", empty)
		}
	}
}

// TestVariablesInConditions checks that a variable without a value equals nothing.
func TestVariablesInConditions(t *testing.T) {
	tests := []struct {
		operator, wanted, user, got string
		want                        bool
	}{
		{"StringEquals", `"${aws:username}"`, "ana", "ana", true},
		{"StringEquals", `"${aws:username}"`, "ana", "ben", false},
		{"StringEquals", `"${aws:username}"`, "", "", false},
		{"StringEquals", `["${aws:username}", "ben"]`, "", "ben", true},
		{"StringNotEquals", `"${aws:username}"`, "ana", "ana", false},
		{"StringNotEquals", `"${aws:username}"`, "", "ana", true},
		{"StringEqualsIgnoreCase", `"x-${aws:username}"`, "ana", "X-ANA", true},
		{"StringLike", `"${aws:username}/*"`, "ana", "ana/1", true},
		{"StringLike", `"${aws:username}"`, "a*", "ana", false},
		{"StringNotLike", `"*${aws:username}*"`, "", "ana", true},
		{"StringLike", `"${aws:username, 'nobody'}"`, "", "nobody", true},
		{"StringEquals", `"${*}${?}${$}"`, "ana", "*?$", true},
		{"StringLike", `"*${aws:ResourceTag/k}"`, "ana", "any", true},
	}
	for _, test := range tests {
		r := withTag(test.got)
		r.UserName = test.user
		condition := fmt.Sprintf(`{%q: {"aws:ResourceTag/k": %s}}`, test.operator, test.wanted)
		if got := met(t, condition, r); got != test.want {
			t.Errorf("%s of user %q with value %q: got %t, want %t",
				condition, test.user, test.got, got, test.want)
		}
	}
}

// TestKeys checks which member of a request each condition key looks at.
func TestKeys(t *testing.T) {
	full := policy.Request{
		UserName:     "ana",
		UserARN:      userARN,
		Account:      "123456789012",
		Region:       "us-west-2",
		SourceIP:     addr("203.0.113.7"),
		Secure:       true,
		Time:         time.Date(2026, 1, 31, 13, 0, 0, 999, time.FixedZone("", 3600)),
		RequestTags:  map[string]string{"k": "asked"},
		ResourceTags: map[string]string{"k": "had"},
		TagKeys:      []string{"k"},
	}
	tests := []struct{ operator, key, value string }{
		{"StringEquals", "aws:username", "ana"},
		{"ArnEquals", "aws:PrincipalArn", userARN},
		{"StringEquals", "aws:PrincipalAccount", "123456789012"},
		{"StringEquals", "aws:RequestedRegion", "us-west-2"},
		{"IpAddress", "aws:SourceIp", "203.0.113.0/24"},
		{"StringEquals", "aws:SourceIp", "203.0.113.7"},
		{"Bool", "aws:SecureTransport", "true"},
		{"DateEquals", "aws:CurrentTime", "2026-01-31T12:00:00Z"},
		{"DateEquals", "aws:EpochTime", "2026-01-31T12:00:00Z"},
		{"NumericEquals", "aws:EpochTime", "1769860800"},
		{"StringEquals", "aws:RequestTag/k", "asked"},
		{"StringEquals", "aws:ResourceTag/k", "had"},
		{"ForAnyValue:StringEquals", "aws:TagKeys", "k"},
	}
	for _, test := range tests {
		for _, key := range []string{test.key, strings.ToLower(test.key), strings.ToUpper(test.key)} {
			condition := fmt.Sprintf(`{%q: {%q: %q}}`, test.operator, key, test.value)
			if !met(t, condition, full) {
				t.Errorf("%s is not met by %+v", condition, full)
			}
		}
		condition := fmt.Sprintf(`{%q: {%q: %q}}`, test.operator, test.key, test.value)
		if met(t, condition, policy.Request{}) {
			t.Errorf("%s is met by a request without anything", condition)
		}
	}
	if !met(t, `{"Bool": {"aws:SecureTransport": false}}`, policy.Request{}) {
		t.Error("aws:SecureTransport is not false in a request that is not secure")
	}
}

// TestSourceIPForms checks that the forms of one address are the same to a policy.
func TestSourceIPForms(t *testing.T) {
	tests := []struct{ condition, address string }{
		{`{"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}`, "::ffff:203.0.113.7"},
		{`{"StringEquals": {"aws:SourceIp": "203.0.113.7"}}`, "::ffff:203.0.113.7"},
		{`{"IpAddress": {"aws:SourceIp": "fe80::/10"}}`, "fe80::1%eth0"},
		{`{"StringLike": {"aws:SourceIp": "2001:db8::*"}}`, "2001:DB8:0:0::1"},
	}
	for _, test := range tests {
		if !met(t, test.condition, policy.Request{SourceIP: addr(test.address)}) {
			t.Errorf("%s is not met by a request from %s", test.condition, test.address)
		}
	}
}

// TestCaseOfTagKeys checks that it does not matter, unless two tags differ by it.
func TestCaseOfTagKeys(t *testing.T) {
	tests := []struct {
		key  string
		tags map[string]string
		want bool
	}{
		{"Team", map[string]string{"Team": "x"}, true},
		{"Team", map[string]string{"team": "x"}, true},
		{"team", map[string]string{"TEAM": "x"}, true},
		{"grüße", map[string]string{"GRÜßE": "x"}, true},
		{"team", map[string]string{"teams": "x"}, false},
		{"team", map[string]string{"Team": "y", "team": "x"}, true},
		{"Team", map[string]string{"Team": "y", "team": "x"}, false},
		{"TEAM", map[string]string{"Team": "x", "team": "y", "tEAM": "y"}, true},
		{"TEAM", map[string]string{"Team": "y", "team": "x", "tEAM": "x"}, false},
		{"a/b", map[string]string{"a/b": "x"}, true},
		{"a:b", map[string]string{"A:B": "x"}, true},
	}
	for _, test := range tests {
		for _, family := range []string{"aws:RequestTag/", "AWS:resourcetag/"} {
			condition := fmt.Sprintf(`{"StringEquals": {%q: "x"}}`, family+test.key)
			r := policy.Request{RequestTags: test.tags, ResourceTags: test.tags}
			if got := met(t, condition, r); got != test.want {
				t.Errorf("%s with tags %v: got %t, want %t", condition, test.tags, got, test.want)
			}
		}
	}
}
