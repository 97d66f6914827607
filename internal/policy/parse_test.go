package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/policy"
)

func TestParse(t *testing.T) {
	tests := []struct{ name, text string }{
		{"statement alone", `{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`},
		{"statement list", `{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}`},
		{"id", `{"Id": "any text", "Statement": ` +
			`{"Effect": "Allow", "Action": "*", "Resource": "*"}}`},
		{"order of elements", `{"Statement": [{"Resource": ["*"], "Action": ["*"], ` +
			`"Effect": "Deny", "Sid": "a1B2"}], "Version": "2012-10-17"}`},
		{"empty Sids", `{"Statement": [` +
			`{"Sid": "", "Effect": "Allow", "Action": "*", "Resource": "*"}, ` +
			`{"Sid": "", "Effect": "Allow", "Action": "*", "Resource": "*"}]}`},
		{"actions of other services", statement(allow, anything,
			`"Action": ["s3:GetObject", "iam:*AccessKey*", "a4b.x-y:Do?it", "*:*", "*"]`)},
		{"resources of other services", statement(allow, anyAction, `"Resource": `+
			`["arn:aws:s3:::bucket/*", "arn:aws:iam::123456789012:user/${aws:username}", "arn:*"]`)},
		{"keys that no request has", statement(allow, anyAction, anything, `"Condition": `+
			`{"BoolIfExists": {"aws:MultiFactorAuthPresent": true}, `+
			`"StringLike": {"s3:prefix": ["", "home/${aws:PrincipalTag/team, 'x y'}/"]}}`)},
		{"white space", "\r\n\t" + fullAccess + " \n"},
	}
	for _, test := range tests {
		if _, err := policy.Parse([]byte(test.text)); err != nil {
			t.Errorf("%s: Parse of %s: %v", test.name, test.text, err)
		}
	}
}

func TestParseRefusesOtherJSON(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", ``, "line 1, column 1: not JSON: unexpected end of JSON input"},
		{"cut off", "{\n \"Statement\": [\n",
			"line 3, column 1: not JSON: unexpected end of JSON input"},
		{"comma too many", "{\n \"Version\": \"2012-10-17\",\n}",
			"line 3, column 1: not JSON: invalid character '}' looking for beginning of object key string"},
		{"comment", "{ // mine\n}",
			"line 1, column 3: not JSON: invalid character '/' looking for beginning of object key string"},
		{"two documents", "{}\n{}",
			"line 2, column 1: not JSON: invalid character '{' after top-level value"},
		{"not UTF-8", "{\"Id\": \"\xff\"}", "not UTF-8 text"},
		{"endless nesting", strings.Repeat("[", 100_000),
			"line 1, column 10001: not JSON: invalid character '[' exceeded max depth"},
		{"deep nesting", `{"Id": ` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) +
			`, "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}`,
			"Id: must be a string, not a list"},
		{"list", `[]`, "a policy must be a JSON object, not a list"},
		{"string", `"{}"`, "a policy must be a JSON object, not a string"},
		{"null", `null`, "a policy must be a JSON object, not null"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantMistakes(t, test.text, test.want)
		})
	}
}

// wantMistakes compares the lines of the error that Parse returns.
func wantMistakes(t *testing.T, text string, want ...string) {
	t.Helper()
	document, err := policy.Parse([]byte(text))
	if err == nil || document != nil {
		t.Fatalf("Parse of %.300s = %v, error %v, want the error %q", text, document, err, want)
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("Parse of %.300s: wrong error (-want +got):\n%s", text, diff)
	}
}

// TestParseNamesMistakes has one mistake in each document.
func TestParseNamesMistakes(t *testing.T) {
	const rest = `"Effect": "Allow", "Action": "*", "Resource": "*"`
	tests := []struct{ name, text, want string }{
		{"no statement", `{"Version": "2012-10-17"}`, `policy: Statement is missing`},
		{"empty list of statements", `{"Statement": []}`,
			`Statement: must hold at least one statement`},
		{"statement of another type", `{"Statement": "Allow"}`,
			`Statement: must be an object, not a string`},
		{"second statement of another type", `{"Statement": [{` + rest + `}, null]}`,
			`Statement[1]: must be an object, not null`},
		{"unknown element", `{"Owner": "me", "Statement": {` + rest + `}}`,
			`policy: unknown element "Owner"`},
		{"element in another case", `{"version": "2012-10-17", "Statement": {` + rest + `}}`,
			`policy: unknown element "version" (did you mean "Version"?)`},
		{"element twice", `{"Statement": {` + rest + `}, "Statement": {` + rest + `}}`,
			`policy: Statement appears more than once`},
		{"unknown version", `{"Version": "2012-10-18", "Statement": {` + rest + `}}`,
			`Version: must be 2012-10-17 or 2008-10-17`},
		{"version of another type", `{"Version": 2012, "Statement": {` + rest + `}}`,
			`Version: must be 2012-10-17 or 2008-10-17`},
		{"id of another type", `{"Id": 1, "Statement": {` + rest + `}}`,
			`Id: must be a string, not a number`},

		{"no effect", statement(anyAction, anything), `Statement[0]: Effect is missing`},
		{"other effect", statement(`"Effect": "Permit"`, anyAction, anything),
			`Statement[0]: Effect must be Allow or Deny, with this capital letter`},
		{"effect in another case", statement(`"Effect": "allow"`, anyAction, anything),
			`Statement[0]: Effect must be Allow or Deny, with this capital letter`},
		{"effect of another type", statement(`"Effect": ["Allow"]`, anyAction, anything),
			`Statement[0]: Effect must be Allow or Deny, with this capital letter`},
		{"place with a Sid", statement(`"Sid": "Mint"`, anyAction, anything),
			`Statement[0] (Sid "Mint"): Effect is missing`},
		{"Sid with a space", statement(rest, `"Sid": "my rule"`),
			`Statement[0]: Sid "my rule" must have only letters and digits, of ASCII`},
		{"Sid of another type", statement(rest, `"Sid": 7`),
			`Statement[0]: Sid: must be a string, not a number`},
		{"Sid twice", `{"Statement": [{"Sid": "A", ` + rest + `}, {"Sid": "A", ` + rest + `}]}`,
			`Statement[1]: Sid "A" is already that of another statement`},
		{"principal", statement(rest, `"Principal": "*"`),
			`Statement[0]: Principal has no place in the policy of a user: the user is the principal`},
		{"no principal", statement(rest, `"NotPrincipal": {"AWS": "*"}`), `Statement[0]: ` +
			`NotPrincipal has no place in the policy of a user: the user is the principal`},
		{"unknown element of a statement", statement(rest, `"Actions": "*"`),
			`Statement[0]: unknown element "Actions"`},
		{"element of a statement in another case", statement(rest, `"condition": {}`),
			`Statement[0]: unknown element "condition" (did you mean "Condition"?)`},
		{"element of a statement twice", statement(rest, `"Effect": "Deny"`),
			`Statement[0]: Effect appears more than once`},

		{"no action", statement(allow, anything), `Statement[0]: Action or NotAction is missing`},
		{"both actions", statement(rest, `"NotAction": "*"`),
			`Statement[0]: Action and NotAction exclude each other`},
		{"action of another type", statement(allow, anything, `"Action": {}`),
			`Statement[0]: Action: must be a string, not an object`},
		{"actions of another type", statement(allow, anything, `"NotAction": ["ivschat:*", true]`),
			`Statement[0]: NotAction: must be a string, not true or false`},
		{"empty list of actions", statement(allow, anything, `"Action": []`),
			`Statement[0]: Action: must have at least one value`},
		{"action without a service", statement(allow, anything, `"Action": "GetRoom"`),
			`Statement[0]: Action: "GetRoom" must be a service, a colon and an action, ` +
				`such as ivschat:GetRoom`},
		{"action with an empty name", statement(allow, anything, `"Action": "ivschat:"`),
			`Statement[0]: Action: "ivschat:" must be a service, a colon and an action, ` +
				`such as ivschat:GetRoom`},
		{"action with two colons", statement(allow, anything, `"NotAction": "ivschat:Get:Room"`),
			`Statement[0]: NotAction: "ivschat:Get:Room" is not the name of an action`},
		{"action with a space", statement(allow, anything, `"Action": "ivschat:Get Room"`),
			`Statement[0]: Action: "ivschat:Get Room" is not the name of an action`},
		{"action with a variable", statement(allow, anything, `"Action": "ivschat:${aws:username}"`),
			`Statement[0]: Action: "ivschat:${aws:username}" is not the name of an action`},
		{"service with a wildcard", statement(allow, anything, `"Action": "ivs*:GetRoom"`),
			`Statement[0]: Action: "ivs*:GetRoom" must begin with the name of a service, ` +
				`without wildcards`},

		{"no resource", statement(allow, anyAction),
			`Statement[0]: Resource or NotResource is missing`},
		{"both resources", statement(rest, `"NotResource": "*"`),
			`Statement[0]: Resource and NotResource exclude each other`},
		{"empty list of resources", statement(allow, anyAction, `"NotResource": []`),
			`Statement[0]: NotResource: must have at least one value`},
		{"resource of another type", statement(allow, anyAction, `"Resource": null`),
			`Statement[0]: Resource: must be a string, not null`},
		{"bare id", statement(allow, anyAction, `"Resource": "g1H2I3j4k5L6"`),
			`Statement[0]: Resource: "g1H2I3j4k5L6" must be an ARN, or * for every resource`},
		{"empty resource", statement(allow, anyAction, `"Resource": ""`),
			`Statement[0]: Resource: "" must be an ARN, or * for every resource`},
		{"wildcard without an ARN", statement(allow, anyAction, `"Resource": "*room/*"`),
			`Statement[0]: Resource: "*room/*" must be an ARN, or * for every resource`},
		{"ARN without a region", statement(allow, anyAction,
			`"Resource": "arn:aws:ivschat:123456789012:room/a"`),
			`Statement[0]: Resource: "arn:aws:ivschat:123456789012:room/a" lacks some of the six ` +
				`parts of an ARN, which colons divide`},
		{"variable in front", statement(allow, anyAction,
			`"Resource": "arn:aws:ivschat:${aws:RequestedRegion}:1:room/a"`),
			`Statement[0]: Resource: "arn:aws:ivschat:${aws:RequestedRegion}:1:room/a" may have a ` +
				`variable only in its last part, after the fifth colon`},
		{"open variable", statement(allow, anyAction, `"Resource": "arn:aws:ivschat:*:*:room/${a:b"`),
			`Statement[0]: Resource: "arn:aws:ivschat:*:*:room/${a:b": ` +
				`a variable lacks its closing brace`},
		{"empty variable", statement(allow, anyAction, `"Resource": "arn:aws:ivschat:*:*:room/${}"`),
			`Statement[0]: Resource: "arn:aws:ivschat:*:*:room/${}": ` +
				`${} must name a condition key, without spaces`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantMistakes(t, test.text, test.want)
		})
	}
}

// TestParseNamesMistakesInConditions has one mistake in each condition.
func TestParseNamesMistakesInConditions(t *testing.T) {
	const place = `Statement[0]: Condition: `
	tests := []struct{ condition, want string }{
		{`[]`, `Statement[0]: Condition: must be an object, not a list`},
		{`{"StringEquals": "x"}`,
			place + `StringEquals: must be an object of condition keys, not a string`},
		{`{"StringIs": {"aws:username": "x"}}`, place + `StringIs: unknown condition operator`},
		{`{"BinaryEquals": {"aws:username": "eA=="}}`,
			place + `BinaryEquals: unknown condition operator`},
		{`{"stringlike": {"aws:username": "x"}}`,
			place + `stringlike: unknown condition operator (did you mean "StringLike"?)`},
		{`{"ForAnyValue:Stringequals": {"aws:username": "x"}}`, place +
			`ForAnyValue:Stringequals: unknown condition operator (did you mean "StringEquals"?)`},
		{`{"ForSomeValues:StringLike": {"aws:username": "x"}}`,
			place + `ForSomeValues:StringLike: unknown condition operator`},
		{`{"ForAllValues:ForAnyValue:StringLike": {"aws:username": "x"}}`,
			place + `ForAllValues:ForAnyValue:StringLike: unknown condition operator`},
		{`{"IfExists": {"aws:username": "x"}}`, place + `IfExists: unknown condition operator`},
		{`{"NullIfExists": {"aws:username": "true"}}`,
			place + `NullIfExists: Null has no set forms and no IfExists`},
		{`{"ForAnyValue:Null": {"aws:TagKeys": "true"}}`,
			place + `ForAnyValue:Null: Null has no set forms and no IfExists`},
		{`{"StringEquals": {}, "StringEquals": {}}`,
			place + `StringEquals appears more than once`},

		{`{"StringEquals": {"username": "x"}}`, place +
			`StringEquals: condition key "username" must begin with a prefix such as "aws:"`},
		{`{"StringEquals": {"aws:": "x"}}`, place +
			`StringEquals: condition key "aws:" must begin with a prefix such as "aws:"`},
		{`{"StringEquals": {"aws:ResourceTag": "x"}}`, place +
			`StringEquals: condition key "aws:ResourceTag" must end in a slash and a tag key`},
		{`{"StringEquals": {"aws:requesttag/": "x"}}`, place +
			`StringEquals: condition key "aws:requesttag/" must end in a slash and a tag key`},
		{`{"StringEquals": {"aws:TagKeys": "x"}}`, place + `StringEquals: aws:TagKeys has many ` +
			`values, so the operator must begin with ForAllValues: or ForAnyValue:`},
		{`{"StringEquals": {"aws:username": "x", "AWS:UserName": "y"}}`, place +
			`StringEquals: AWS:UserName: appears more than once; the case of its letters does not matter`},
		{`{"StringEquals": {"aws:username": "x", "aws:username": "y"}}`, place +
			`StringEquals: aws:username: appears more than once; the case of its letters does not matter`},

		{`{"StringEquals": {"aws:username": []}}`,
			place + `StringEquals: aws:username: must have at least one value`},
		{`{"StringEquals": {"aws:username": null}}`,
			place + `StringEquals: aws:username: must be a string, not null`},
		{`{"StringEquals": {"aws:username": ["x", {}]}}`,
			place + `StringEquals: aws:username: must be a string, not an object`},
		{`{"StringEquals": {"aws:username": [["x"]]}}`,
			place + `StringEquals: aws:username: must be a string, not a list`},
		{`{"Bool": {"aws:SecureTransport": "yes"}}`,
			place + `Bool: aws:SecureTransport: must be true or false, not "yes"`},
		{`{"Bool": {"aws:SecureTransport": "${aws:ResourceTag/tls}"}}`,
			place + `Bool: aws:SecureTransport: must be true or false, not "${aws:ResourceTag/tls}"`},
		{`{"Null": {"aws:username": 0}}`,
			place + `Null: aws:username: must be true or false, not "0"`},
		{`{"NumericEquals": {"aws:EpochTime": "ten"}}`,
			place + `NumericEquals: aws:EpochTime: "ten" is not a number, such as 10 or -2.5`},
		{`{"NumericLessThan": {"aws:EpochTime": 1e9}}`,
			place + `NumericLessThan: aws:EpochTime: "1e9" is not a number, such as 10 or -2.5`},
		{`{"NumericLessThan": {"aws:EpochTime": "1/2"}}`,
			place + `NumericLessThan: aws:EpochTime: "1/2" is not a number, such as 10 or -2.5`},
		{`{"DateLessThan": {"aws:CurrentTime": "2026-02-30"}}`, place +
			`DateLessThan: aws:CurrentTime: "2026-02-30" is not a date, such as 2026-01-31, ` +
			`2026-01-31T23:59:59Z or a number of seconds since 1970`},
		{`{"DateLessThan": {"aws:CurrentTime": "2026-01-31T12:00:00"}}`, place +
			`DateLessThan: aws:CurrentTime: "2026-01-31T12:00:00" is not a date, such as 2026-01-31, ` +
			`2026-01-31T23:59:59Z or a number of seconds since 1970`},
		{`{"DateLessThan": {"aws:CurrentTime": 253402300800}}`, place +
			`DateLessThan: aws:CurrentTime: "253402300800" is not a date, such as 2026-01-31, ` +
			`2026-01-31T23:59:59Z or a number of seconds since 1970`},
		{`{"IpAddress": {"aws:SourceIp": "203.0.113"}}`, place + `IpAddress: aws:SourceIp: ` +
			`"203.0.113" is not an IP address or range, such as 203.0.113.0/24`},
		{`{"IpAddress": {"aws:SourceIp": "203.0.113.0/33"}}`, place + `IpAddress: aws:SourceIp: ` +
			`"203.0.113.0/33" is not an IP address or range, such as 203.0.113.0/24`},
		{`{"NotIpAddress": {"aws:SourceIp": "fe80::1%eth0"}}`, place + `NotIpAddress: aws:SourceIp: ` +
			`"fe80::1%eth0" is not an IP address or range, such as 203.0.113.0/24`},
		{`{"IpAddress": {"aws:SourceIp": "::ffff:203.0.113.7"}}`, place +
			`IpAddress: aws:SourceIp: an IPv4 address must be written without ::ffff: in front`},
		{`{"ArnLike": {"aws:PrincipalArn": "*"}}`,
			place + `ArnLike: aws:PrincipalArn: "*" is not an ARN: it lacks some of the six parts`},
		{`{"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::user/ana"}}`, place +
			`ArnEquals: aws:PrincipalArn: "arn:aws:iam::user/ana" is not an ARN: ` +
			`it lacks some of the six parts`},
		{`{"StringEquals": {"aws:username": "${aws:username"}}`,
			place + `StringEquals: aws:username: a variable lacks its closing brace`},
		{`{"StringEquals": {"aws:username": "${}"}}`, place +
			`StringEquals: aws:username: ${} must name a condition key, without spaces`},
		{`{"StringEquals": {"aws:username": "${, 'x'}"}}`, place +
			`StringEquals: aws:username: ${, 'x'} must name a condition key, without spaces`},
		{`{"StringEquals": {"aws:username": "${aws:username }"}}`, place +
			`StringEquals: aws:username: ${aws:username } must name a condition key, without spaces`},
		{`{"StringEquals": {"aws:username": "${username}"}}`, place + `StringEquals: aws:username: ` +
			`condition key "username" must begin with a prefix such as "aws:"`},
		{`{"StringEquals": {"aws:username": "${aws:TagKeys}"}}`, place + `StringEquals: ` +
			`aws:username: aws:TagKeys has many values, so it cannot be a variable`},
		{`{"StringEquals": {"aws:username": "${aws:username, x}"}}`, place + `StringEquals: ` +
			`aws:username: ${aws:username, x} must have its default value in single quotes`},
		{`{"StringEquals": {"aws:username": "${aws:username, '}"}}`, place + `StringEquals: ` +
			`aws:username: ${aws:username, '} must have its default value in single quotes`},
	}
	for _, test := range tests {
		t.Run(test.condition, func(t *testing.T) {
			text := statement(allow, anyAction, anything, `"Condition": `+test.condition)
			wantMistakes(t, text, test.want)
		})
	}
}

// TestParseNamesAllMistakes has several in one document.
func TestParseNamesAllMistakes(t *testing.T) {
	wantMistakes(t, `{
		"Version": "2020-01-01",
		"Statement": [
			{"Effect": "Allow", "Action": "ivschat:*", "Resource": "*"},
			{"Sid": "Mint", "Action": ["CreateChatToken", "ivschat:GetRoom", 1], "Principal": "*",
			 "Condition": {
				"StringLik": {"aws:username": "a*"},
				"Bool": {"aws:SecureTransport": ["on", "off"], "secure": "true"}
			 }},
			{"Effect": "Deny", "NotAction": [], "Resource": ["room/a", "room/b"]}
		]
	}`,
		`Version: must be 2012-10-17 or 2008-10-17`,
		`Statement[1] (Sid "Mint"): Principal has no place in the policy of a user: `+
			`the user is the principal`,
		`Statement[1] (Sid "Mint"): Effect is missing`,
		`Statement[1] (Sid "Mint"): Action: must be a string, not a number`,
		`Statement[1] (Sid "Mint"): Action: "CreateChatToken" must be a service, a colon and an `+
			`action, such as ivschat:GetRoom`,
		`Statement[1] (Sid "Mint"): Resource or NotResource is missing`,
		`Statement[1] (Sid "Mint"): Condition: StringLik: unknown condition operator`,
		`Statement[1] (Sid "Mint"): Condition: Bool: aws:SecureTransport: `+
			`must be true or false, not "on"`,
		`Statement[1] (Sid "Mint"): Condition: Bool: aws:SecureTransport: `+
			`must be true or false, not "off"`,
		`Statement[1] (Sid "Mint"): Condition: Bool: condition key "secure" must begin with a `+
			`prefix such as "aws:"`,
		`Statement[2]: NotAction: must have at least one value`,
		`Statement[2]: Resource: "room/a" must be an ARN, or * for every resource`,
		`Statement[2]: Resource: "room/b" must be an ARN, or * for every resource`,
	)
}
