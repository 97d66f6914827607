package input_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/awscli/input"
)

func operation(t *testing.T, name string) parley.Operation {
	t.Helper()
	op, _, ok := input.Find([]string{input.Name(name)})
	if !ok {
		t.Fatalf("there is no operation %s", name)
	}
	return op
}

func TestFind(t *testing.T) {
	tests := []struct {
		name  string
		words []string
		op    string // empty when the line names none
		rest  []string
	}{
		{"alone", []string{"create-room"}, "CreateRoom", nil},
		{"with options", []string{"get-room", "--identifier", "x"},
			"GetRoom", []string{"--identifier", "x"}},
		{"global options before", []string{"--region", "x", "--debug", "get-room", "--identifier", "y"},
			"GetRoom", []string{"--region", "x", "--debug", "--identifier", "y"}},
		{"an option's word is no operation", []string{"--profile", "get-room", "list-rooms"},
			"ListRooms", []string{"--profile", "get-room"}},
		{"the beginning of an option", []string{"--prof", "get-room", "list-rooms"},
			"ListRooms", []string{"--prof", "get-room"}},
		{"an option with its word in one", []string{"--profile=x", "list-rooms"},
			"ListRooms", []string{"--profile=x"}},
		{"two operations", []string{"get-room", "list-rooms"},
			"GetRoom", []string{"list-rooms"}},
		{"after two dashes", []string{"--", "get-room", "x"}, "GetRoom", []string{"--", "x"}},
		{"after a bad word of an option", []string{"--output", "x", "get-room"},
			"GetRoom", []string{"--output", "x"}},
		{"after an ambiguous option", []string{"--no", "get-room"}, "GetRoom", []string{"--no"}},
		{"after the version", []string{"--version", "get-room"}, "GetRoom", []string{"--version"}},
		{"none", nil, "", nil},
		{"only options", []string{"--region", "get-room"}, "", nil},
		{"only the version", []string{"--version"}, "", nil},
		{"another word", []string{"serve", "get-room"}, "", nil},
		{"the word of an operation's option",
			[]string{"--identifier", "x", "get-room"}, "", nil},
		{"another spelling", []string{"GetRoom"}, "", nil},
	}
	for _, test := range tests {
		op, rest, ok := input.Find(test.words)
		same := cmp.Equal(rest, test.rest, cmpopts.EquateEmpty())
		if op.Name != test.op || ok != (test.op != "") || !same {
			t.Errorf("%s: find in %q: got %q, %q, %t; want %q, %q",
				test.name, test.words, op.Name, rest, ok, test.op, test.rest)
		}
	}
}

func TestName(t *testing.T) {
	tests := []struct{ name, want string }{
		{"CreateChatToken", "create-chat-token"},
		{"name", "name"},
		{"sessionDurationInMinutes", "session-duration-in-minutes"},
		{"resourceArn", "resource-arn"},
		{"resourceARN", "resource-arn"},
		{"ARNOfRoom", "arn-of-room"},
		{"", ""},
	}
	for _, test := range tests {
		if got := input.Name(test.name); got != test.want {
			t.Errorf("name of %q: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestOperationsAreFoundByTheirNames(t *testing.T) {
	for _, want := range parley.Operations {
		if op, _, ok := input.Find([]string{input.Name(want.Name)}); !ok || op.Name != want.Name {
			t.Errorf("%s: got %q, %t", input.Name(want.Name), op.Name, ok)
		}
	}
}

func TestGlobals(t *testing.T) {
	seconds := func(n time.Duration) *time.Duration { n *= time.Second; return &n }
	longest := time.Duration(1<<63-1) / time.Second
	tests := []struct {
		line string
		want input.Globals
	}{
		{"list-rooms", input.Globals{}},
		{"--region r list-rooms --profile p --endpoint-url http://e --ca-bundle c",
			input.Globals{Region: "r", Profile: "p", EndpointURL: "http://e", CABundle: "c"}},
		{"list-rooms --output text --query q --color off --cli-error-format json " +
			"--cli-binary-format base64",
			input.Globals{Output: "text", Query: "q", Color: "off", ErrorFormat: "json",
				BinaryFormat: "base64"}},
		{"list-rooms --debug --no-verify-ssl --no-sign-request --no-paginate --no-cli-pager " +
			"--no-cli-auto-prompt",
			input.Globals{Debug: true, NoVerifySSL: true, NoSignRequest: true, NoPaginate: true,
				NoPager: true, NoAutoPrompt: true}},
		{"list-rooms --cli-read-timeout 5 --cli-connect-timeout 0",
			input.Globals{ReadTimeout: seconds(5), ConnectTimeout: seconds(0)}},
		{"list-rooms --cli-read-timeout 9223372036 --cli-connect-timeout 9223372037",
			input.Globals{ReadTimeout: seconds(longest), ConnectTimeout: seconds(longest)}},
		{"list-rooms --cli-read-timeout 99999999999999999999",
			input.Globals{ReadTimeout: seconds(longest)}},
		{"list-rooms --region a --region b", input.Globals{Region: "b"}},
	}
	for _, test := range tests {
		op, rest, ok := input.Find(split(test.line))
		line, err := input.Parse(op, rest)
		if diff := cmp.Diff(test.want, line.Globals); !ok || err != nil || diff != "" {
			t.Errorf("%s: found %t, error %v, globals (-want +got):\n%s", test.line, ok, err, diff)
		}
	}
}

// TestBadMembersComeWithTheLine checks that callers can look at the global options
// before they say what is wrong with the members.
func TestBadMembersComeWithTheLine(t *testing.T) {
	words := []string{"--region", "r", "--maximum-message-length", "0"}
	line, err := input.Parse(operation(t, "CreateRoom"), words)
	if err == nil || line.Globals.Region != "r" || encode(line.Input) != `{"maximumMessageLength":0}` {
		t.Errorf("got error %v, region %q, members %s", err, line.Globals.Region, encode(line.Input))
	}
}

func TestWordsThatAreNoText(t *testing.T) {
	if got := meaning([]string{"create-room", "--name", "caf\xe9"}); got !=
		`252 value`+"\n"+`| "caf\xe9" is not UTF-8` {
		t.Errorf("got %s", got)
	}
}

func TestOptions(t *testing.T) {
	type option struct {
		Name, Kind, Member string
		Required           bool
		Values             []string
		Shorthand          string
	}
	want := []option{
		{Name: "--room-identifier", Kind: "string", Member: "roomIdentifier", Required: true},
		{Name: "--user-id", Kind: "string", Member: "userId", Required: true},
		{Name: "--capabilities", Kind: "list", Member: "capabilities",
			Values: []string{"SEND_MESSAGE", "DISCONNECT_USER", "DELETE_MESSAGE"}},
		{Name: "--session-duration-in-minutes", Kind: "integer",
			Member: "sessionDurationInMinutes"},
		{Name: "--attributes", Kind: "map", Member: "attributes",
			Shorthand: "KeyName1=string,KeyName2=string"},
		{Name: "--cli-input-json", Kind: "string"},
		{Name: "--cli-input-yaml", Kind: "string"},
		{Name: "--generate-cli-skeleton", Kind: "string",
			Values: []string{"input", "output", "yaml-input"}},
		{Name: "--help", Kind: "boolean"},
	}
	var got []option
	for _, o := range input.Options(operation(t, "CreateChatToken")) {
		got = append(got, option{o.Name, o.Kind, o.Member, o.Required, o.Values, o.Shorthand})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options of create-chat-token (-want +got):\n%s", diff)
	}
}

func TestShorthandIsShown(t *testing.T) {
	tests := []struct{ operation, option, want string }{
		{"CreateRoom", "--message-review-handler", "uri=string,fallbackResult=string"},
		{"CreateLoggingConfiguration", "--destination-configuration",
			"s3={bucketName=string},cloudWatchLogs={logGroupName=string}," +
				"firehose={deliveryStreamName=string}"},
		{"TagResource", "--tags", "KeyName1=string,KeyName2=string"},
		{"TagResource", "--resource-arn", ""},
		{"UntagResource", "--tag-keys", ""},
	}
	for _, test := range tests {
		for _, o := range input.Options(operation(t, test.operation)) {
			if o.Name == test.option && o.Shorthand != test.want {
				t.Errorf("%s %s: got %q, want %q",
					test.operation, test.option, o.Shorthand, test.want)
			}
		}
	}
}

// TestEveryOptionIsDocumented also checks that no two options of an operation have one
// name: the scan of a line would not find the second.
func TestEveryOptionIsDocumented(t *testing.T) {
	for _, op := range parley.Operations {
		seen := map[string]bool{}
		for _, o := range append(input.Options(op), input.GlobalOptions()...) {
			if o.Doc == "" || o.Kind == "" || seen[o.Name] {
				t.Errorf("%s %s: doc %q, kind %q, seen before: %t",
					op.Name, o.Name, o.Doc, o.Kind, seen[o.Name])
			}
			seen[o.Name] = true
		}
	}
}

// TestShapesThatShorthandCanHave checks what shorthand takes for granted: all values
// in structures and maps are texts, and all lists are of texts.
func TestShapesThatShorthandCanHave(t *testing.T) {
	var texts func(place string, shape *parley.Shape)
	texts = func(place string, shape *parley.Shape) {
		switch shape.Type {
		case parley.Structure:
			for _, m := range shape.Members {
				texts(place+"."+m.Name, m.Shape)
			}
		case parley.Map:
			texts(place+".*", shape.Element)
		case parley.String:
		default:
			t.Errorf("%s is of type %d: shorthand has to be taught it", place, shape.Type)
		}
	}
	for _, op := range parley.Operations {
		for _, m := range op.Input().Members {
			place := op.Name + "." + m.Name
			switch m.Shape.Type {
			case parley.Structure, parley.Map:
				texts(place, m.Shape)
			case parley.List:
				if m.Shape.Element.Type != parley.String {
					t.Errorf("%s is a list of type %d", place, m.Shape.Element.Type)
				}
			}
		}
	}
}
