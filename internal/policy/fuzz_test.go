package policy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/policy"
)

// FuzzParse checks that no document makes Parse panic, and that what it accepts
// can be evaluated, with the same result every time.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "null", fullAccess, readOnlyAccess, denyDelete,
		statement(deny, `"NotAction": "ivschat:Get*"`, `"NotResource": ["`+anyRoom+`", "arn:*"]`),
		statement(allow, anyAction, `"Resource": "arn:aws:ivschat:*:*:room/${aws:username, 'x'}*"`),
		statement(allow, anyAction, anything, `"Condition": {
			"StringEquals": {"aws:ResourceTag/k": ["a", "${aws:username}", 1, true]},
			"ForAnyValue:StringNotLikeIfExists": {"aws:TagKeys": "a*?"},
			"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"},
			"NumericLessThan": {"aws:EpochTime": "12.5", "aws:RequestTag/k": -1},
			"DateGreaterThan": {"aws:CurrentTime": "2026-01-31T12:00Z"},
			"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::1"]},
			"Bool": {"aws:SecureTransport": false}, "Null": {"aws:TagKeys": "true"}}`),
	} {
		f.Add([]byte(seed), "ivschat:GetRoom", roomARN, "a", "2026-01-31")
	}
	f.Fuzz(func(t *testing.T, text []byte, action, resource, name, value string) {
		document, err := policy.Parse(text)
		if (document == nil) == (err == nil) {
			t.Fatalf("Parse of %q = %v, error %v", text, document, err)
		}
		if err != nil {
			return
		}
		r := policy.Request{
			Action:       action,
			Resource:     resource,
			UserName:     name,
			UserARN:      userARN,
			Account:      value,
			SourceIP:     addr("203.0.113.7"),
			Time:         time.Unix(int64(len(text)), 0),
			RequestTags:  map[string]string{name: value, "k": value},
			ResourceTags: map[string]string{value: name, "k": value, "K": name},
			TagKeys:      []string{name, value},
		}
		first := policy.Evaluate([]*policy.Document{document}, r)
		for range 3 {
			if again := policy.Evaluate([]*policy.Document{document}, r); again != first {
				t.Fatalf("%+v with %q: first %+v, then %+v", r, text, first, again)
			}
		}
	})
}

// FuzzWildcards compares StringLike with a regular expression made from the same
// pattern.
func FuzzWildcards(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""}, {"*", "a"}, {"a*b?c", "axxbyc"}, {"*aab", "aaab"}, {"*??", "€"}, {"**?*", "é"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		wanted := quote(pattern)
		document, err := policy.Parse([]byte(`{"Statement": {"Effect": "Allow", "Action": "*",
			"Resource": "*", "Condition": {"StringLike": {"aws:username": ` + wanted + `}}}}`))
		if err != nil {
			t.Fatalf("Parse with pattern %s: %v", wanted, err)
		}
		r := policy.Request{UserName: unquote(quote(text))}
		got := policy.Evaluate([]*policy.Document{document}, r).Effect == policy.Allow
		want := r.UserName != "" && globFits(signs(unquote(wanted)), r.UserName)
		if got != want {
			t.Errorf("pattern %s with text %q: got %t, want %t", wanted, r.UserName, got, want)
		}
	})
}

// quote writes text as a JSON string, which makes valid UTF-8 of it.
func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

func unquote(quoted string) string {
	var text string
	if err := json.Unmarshal([]byte(quoted), &text); err != nil {
		panic(err)
	}
	return text
}
