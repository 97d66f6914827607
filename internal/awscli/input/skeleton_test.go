package input_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/input"
)

func TestSkeletons(t *testing.T) {
	tests := []struct{ operation, input, output string }{
		{"CreateChatToken",
			`{"roomIdentifier":"","userId":"","capabilities":["SEND_MESSAGE"],` +
				`"sessionDurationInMinutes":0,"attributes":{"KeyName":""}}`,
			`{"token":"token","tokenExpirationTime":"1970-01-01T00:00:00",` +
				`"sessionExpirationTime":"1970-01-01T00:00:00"}`},
		{"UpdateRoom",
			`{"identifier":"","name":"","maximumMessageRatePerSecond":0,"maximumMessageLength":0,` +
				`"messageReviewHandler":{"uri":"","fallbackResult":"ALLOW"},` +
				`"loggingConfigurationIdentifiers":[""]}`,
			`{"arn":"arn","id":"id","name":"name","createTime":"1970-01-01T00:00:00",` +
				`"updateTime":"1970-01-01T00:00:00","maximumMessageRatePerSecond":0,` +
				`"maximumMessageLength":0,"messageReviewHandler":{"uri":"uri",` +
				`"fallbackResult":"fallbackResult"},"tags":{"KeyName":""},` +
				`"loggingConfigurationIdentifiers":["LoggingConfigurationIdentifier"]}`},
		{"CreateLoggingConfiguration",
			`{"name":"","destinationConfiguration":{"s3":{"bucketName":""},` +
				`"cloudWatchLogs":{"logGroupName":""},"firehose":{"deliveryStreamName":""}},` +
				`"tags":{"KeyName":""}}`,
			`{"arn":"arn","id":"id","createTime":"1970-01-01T00:00:00",` +
				`"updateTime":"1970-01-01T00:00:00","name":"name","destinationConfiguration":` +
				`{"s3":{"bucketName":"bucketName"}},"state":"state","tags":{"KeyName":""}}`},
		{"DeleteRoom", `{"identifier":""}`, `{}`},
		{"UntagResource", `{"resourceArn":"","tagKeys":[""]}`, `{}`},
	}
	for _, test := range tests {
		op := operation(t, test.operation)
		if got := encode(input.Skeleton(op)); got != test.input {
			t.Errorf("%s: input skeleton\ngot  %s\nwant %s", test.operation, got, test.input)
		}
		if got := encode(input.OutputSkeleton(op)); got != test.output {
			t.Errorf("%s: output skeleton\ngot  %s\nwant %s", test.operation, got, test.output)
		}
	}
}

func TestYAMLSkeletonHasComments(t *testing.T) {
	op := operation(t, "CreateRoom")
	want := `name: ''  # Name of the room; it need not be unique.
maximumMessageRatePerSecond: 0  # ` + doc(t, op, "maximumMessageRatePerSecond") + `
maximumMessageLength: 0  # ` + doc(t, op, "maximumMessageLength") + `
messageReviewHandler:  # What reviews messages.
  uri: ''  # ARN of the Lambda function that reviews messages; empty for none.
  fallbackResult: ALLOW  # What happens to a message when the handler fails. ` +
		`Default: ALLOW. Valid values are: ALLOW, DENY.
tags:  # Tags of the new resource.
  KeyName: ''
loggingConfigurationIdentifiers:  # ARNs of the logging configurations of the room.
- ''
`
	if diff := cmp.Diff(want, input.YAMLSkeleton(op)); diff != "" {
		t.Errorf("skeleton of CreateRoom (-want +got):\n%s", diff)
	}
	token := input.YAMLSkeleton(operation(t, "CreateChatToken"))
	if want := "\nuserId: ''  # [REQUIRED] Id of the user"; !strings.Contains(token, want) {
		t.Errorf("skeleton of CreateChatToken: got\n%s\nwant it to have %s", token, want)
	}
}

func doc(t *testing.T, op parley.Operation, member string) string {
	t.Helper()
	m, ok := op.Input().Member(member)
	if !ok {
		t.Fatalf("%s has no member %s", op.Name, member)
	}
	return m.Doc
}

func TestSkeletonsAreReadAgain(t *testing.T) {
	for _, op := range parley.Operations {
		skeleton := encode(input.Skeleton(op))
		for option, text := range map[string]string{
			"--cli-input-json": skeleton, "--cli-input-yaml": input.YAMLSkeleton(op),
		} {
			// Without a call, nothing is checked but the form.
			words := []string{"--generate-cli-skeleton", "input", option, text}
			line, err := input.Parse(op, words)
			if got := encode(line.Input); err != nil || got != skeleton {
				t.Errorf("%s %s: error %v, members\ngot  %s\nwant %s",
					op.Name, option, err, got, skeleton)
			}
		}
	}
}

func TestFilledSkeletonsAreRequests(t *testing.T) {
	for _, op := range parley.Operations {
		filled := fill(op.Input(), input.Skeleton(op))
		line, err := input.Parse(op, []string{"--cli-input-json", encode(filled)})
		if got, want := encode(line.Input), encode(filled); err != nil || got != want {
			t.Errorf("%s: error %v, members\ngot  %s\nwant %s", op.Name, err, got, want)
		}
	}
}

// fill gives the texts and numbers of a skeleton the least values that they can have,
// and unions their first member only.
func fill(shape *parley.Shape, value any) any {
	switch v := value.(type) {
	case api.Object:
		filled := api.Object{}
		for _, f := range v {
			of := shape.Element
			if m, ok := shape.Member(f.Name); ok {
				of = m.Shape
			}
			filled.Set(f.Name, fill(of, f.Value))
			if shape.Union {
				break
			}
		}
		return filled
	case []any:
		return []any{fill(shape.Element, v[0])}
	case int:
		return shape.Min
	}
	if len(shape.Enum) > 0 {
		return value
	}
	return strings.Repeat("x", shape.Min)
}
