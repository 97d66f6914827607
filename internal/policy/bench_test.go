package policy_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/policy"
)

// mint is a request as an application makes it most: a token for one room.
var mint = policy.Request{
	Action:       "ivschat:CreateChatToken",
	Resource:     roomARN,
	UserName:     "ana",
	UserARN:      userARN,
	Account:      "123456789012",
	Region:       "us-west-2",
	SourceIP:     addr("203.0.113.7"),
	Secure:       true,
	ResourceTags: map[string]string{"stage": "prod", "team": "chat"},
}

// policies are those that benchmarks use, all of which allow mint.
var policies = []struct {
	name, text string
}{
	{"full access", fullAccess},
	{"one room", statement(allow, `"Action": "ivschat:CreateChatToken"`,
		`"Resource": "`+roomARN+`"`)},
	{"rooms and tags", statement(allow, `"Action": ["ivschat:GetRoom", "ivschat:CreateChatToken"]`,
		`"Resource": "arn:aws:ivschat:*:123456789012:room/*"`,
		`"Condition": {"StringEquals": {"aws:ResourceTag/team": ["ops", "chat"]},
			"Bool": {"aws:SecureTransport": true}}`)},
	{"variable and address", statement(allow, `"Action": "ivschat:*"`,
		`"Resource": "*"`,
		`"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/${aws:username}"},
			"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}`)},
}

func BenchmarkEvaluate(b *testing.B) {
	for _, p := range policies {
		b.Run(p.name, func(b *testing.B) {
			documents := []*policy.Document{mustParse(b, p.text)}
			b.ReportAllocs()
			for b.Loop() {
				if d := policy.Evaluate(documents, mint); d.Effect != policy.Allow {
					b.Fatalf("%+v with %s: got %s", mint, p.text, d.Effect)
				}
			}
		})
	}
}

// TestEvaluateAllocatesNothing holds for policies without variables and addresses.
func TestEvaluateAllocatesNothing(t *testing.T) {
	for _, p := range policies[:3] {
		documents := []*policy.Document{mustParse(t, p.text), mustParse(t, denyDelete)}
		allocations := testing.AllocsPerRun(100, func() { policy.Evaluate(documents, mint) })
		if allocations != 0 {
			t.Errorf("%s: %v allocations each time, want none", p.name, allocations)
		}
	}
}
