package parley_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-chat/parley"
)

func TestDestinationNames(t *testing.T) {
	const (
		bucket = parley.DestinationS3
		group  = parley.DestinationCloudWatchLogs
		stream = parley.DestinationFirehose

		tooShort = "Value at 'm' failed to satisfy constraint: " +
			"Member must have length greater than or equal to "
		tooLong = "Value at 'm' failed to satisfy constraint: " +
			"Member must have length less than or equal to "
		pattern = "' at 'm' failed to satisfy constraint: " +
			"Member must satisfy regular expression pattern: "
	)
	n := func(length int) string { return strings.Repeat("n", length) }
	tests := []struct {
		kind parley.DestinationKind
		name string
		want string // the failure, or empty
	}{
		{bucket, n(2), tooShort + "3"},
		{bucket, n(3), ""},
		{bucket, n(63), ""},
		{bucket, n(64), tooLong + "63"},
		{bucket, "az09-.", ""},
		{bucket, "Bucket", "Value 'Bucket" + pattern + "^[a-z0-9-.]+$"},
		{bucket, "b_t", "Value 'b_t" + pattern + "^[a-z0-9-.]+$"},
		{group, "", tooShort + "1"},
		{group, n(1), ""},
		{group, n(512), ""},
		{group, n(513), tooLong + "512"},
		{group, "/AZaz09.-_#", ""},
		{group, "a b", "Value 'a b" + pattern + `^[\.\-_/#A-Za-z0-9]+$`},
		{group, `a\b`, `Value 'a\b` + pattern + `^[\.\-_/#A-Za-z0-9]+$`},
		{stream, "", tooShort + "1"},
		{stream, n(1), ""},
		{stream, n(64), ""},
		{stream, n(65), tooLong + "64"},
		{stream, "AZaz09_.-", ""},
		{stream, "a/b", "Value 'a/b" + pattern + "^[a-zA-Z0-9_.-]+$"},
		{stream, "a\n", "Value 'a\n" + pattern + "^[a-zA-Z0-9_.-]+$"},
	}
	for _, test := range tests {
		var check parley.Check
		d := parley.Destination{Kind: test.kind, Name: test.name}
		d.Check(&check, "m")
		wantFailure(t, d, &check, test.want)
	}
}

func TestDestinationMembers(t *testing.T) {
	want := map[parley.DestinationKind]string{
		"s3": "bucketName", "cloudWatchLogs": "logGroupName", "firehose": "deliveryStreamName"}
	got := map[parley.DestinationKind]string{}
	for kind, rule := range parley.DestinationKinds {
		got[kind] = rule.Member
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wrong members (-want +got):\n%s", diff)
	}
}

func TestNewLoggingConfigurationIsActive(t *testing.T) {
	world := parley.World{Region: "eu-west-1", Account: "123456789012"}
	now := time.Date(2026, 3, 9, 19, 42, 7, 513_902_741, time.FixedZone("east", 3600))
	name, tags := "audit", map[string]string{"team": "blue"}
	bucket := parley.Destination{Kind: parley.DestinationS3, Name: "chat-logs"}
	got := parley.NewLoggingConfiguration(world,
		parley.LoggingConfigurationChange{Name: &name, Destination: &bucket}, tags, now)
	want := parley.LoggingConfiguration{
		Name: name, Destination: bucket, State: "ACTIVE", Tags: tags,
		CreateTime: now.UTC(), UpdateTime: now.UTC(),
	}
	ignored := cmpopts.IgnoreFields(parley.LoggingConfiguration{}, "ARN")
	if diff := cmp.Diff(want, got, ignored); diff != "" {
		t.Errorf("wrong configuration (-want +got):\n%s", diff)
	}
	if got.ARN.World() != world || got.ARN.Kind != parley.KindLoggingConfiguration ||
		!parley.ValidID(got.ARN.ID) {
		t.Errorf("the configuration's ARN is %s, want a fresh one in %+v", got.ARN, world)
	}
}

func TestLoggingConfigurationChangeKeepsWhatItDoesNotName(t *testing.T) {
	created := time.Date(2026, 3, 9, 18, 42, 7, 0, time.UTC)
	later := created.Add(time.Hour)
	name, empty := "audit", ""
	bucket := parley.Destination{Kind: parley.DestinationS3, Name: "chat-logs"}
	stream := parley.Destination{Kind: parley.DestinationFirehose, Name: "chat"}
	before := parley.NewLoggingConfiguration(parley.World{},
		parley.LoggingConfigurationChange{Name: &name, Destination: &bucket}, nil, created)
	tests := []struct {
		what   string
		change parley.LoggingConfigurationChange
		name   string // after the change
		to     parley.Destination
	}{
		{"nothing", parley.LoggingConfigurationChange{}, name, bucket},
		{"name cleared", parley.LoggingConfigurationChange{Name: &empty}, "", bucket},
		{"destination", parley.LoggingConfigurationChange{Destination: &stream}, name, stream},
	}
	for _, test := range tests {
		want := before
		want.Name, want.Destination, want.UpdateTime = test.name, test.to, later
		if diff := cmp.Diff(want, before.With(test.change, later)); diff != "" {
			t.Errorf("change of %s: wrong configuration (-want +got):\n%s", test.what, diff)
		}
	}
}
