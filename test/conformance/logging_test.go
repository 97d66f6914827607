package conformance

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// loggingConfiguration is a logging configuration as all operations return it.
type loggingConfiguration struct {
	ARN                      string
	ID                       string
	Name                     *string
	DestinationConfiguration map[string]map[string]string
	State                    string
	Tags                     map[string]string
	CreateTime, UpdateTime   time.Time
}

var loggingARN = regexp.MustCompile(
	`^arn:aws:ivschat:` + region + `:` + account + `:logging-configuration/([A-Za-z0-9]{12})$`)

// s3 returns the destination that is a bucket.
func s3(bucket string) fields { return fields{"s3": fields{"bucketName": bucket}} }

// checkLogging compares logging configurations but for what the server chooses: ARN,
// id and times.
func checkLogging(t *testing.T, operation string, got, want loggingConfiguration) {
	t.Helper()
	chosen := cmpopts.IgnoreFields(loggingConfiguration{}, "ARN", "ID", "CreateTime", "UpdateTime")
	if diff := cmp.Diff(want, got, chosen, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s returned another logging configuration (-want +got):\n%s", operation, diff)
	}
}

// createLogging makes a logging configuration and checks what came of it.
func createLogging(
	t *testing.T, c apiClient, input fields, want loggingConfiguration,
) loggingConfiguration {
	t.Helper()
	began := time.Now().Add(-time.Second) // times are cut to the second
	var created loggingConfiguration
	must(t, c, "CreateLoggingConfiguration", input, 200, &created)
	checkLogging(t, "CreateLoggingConfiguration", created, want)
	if m := loggingARN.FindStringSubmatch(created.ARN); m == nil || m[1] != created.ID {
		t.Errorf("arn %q and id %q, want %v with that id", created.ARN, created.ID, loggingARN)
	}
	if !created.CreateTime.Equal(created.UpdateTime) || created.CreateTime.Before(began) ||
		created.CreateTime.After(time.Now()) {
		t.Errorf("createTime %v, updateTime %v, want both now", created.CreateTime, created.UpdateTime)
	}
	return created
}

func getLogging(t *testing.T, c apiClient, arn string) loggingConfiguration {
	t.Helper()
	var found loggingConfiguration
	must(t, c, "GetLoggingConfiguration", fields{"identifier": arn}, 200, &found)
	return found
}

// testLoggingConfigurations takes logging configurations through their lives, on a
// server where there are no others: they can be listed only all together.
func testLoggingConfigurations(t *testing.T, on trial) {
	srv := startServer(t)
	c := on.kind.start(t, srv, srv.credentials)
	name, none := uniqueName(t), ""
	wants := []loggingConfiguration{
		{Name: &name, State: "ACTIVE", Tags: map[string]string{"team": "Zoë", "b key": "c/d:e+f=g@h"},
			DestinationConfiguration: destination("s3", "bucketName", "chat-logs.1")},
		{Name: &none, State: "ACTIVE",
			DestinationConfiguration: destination("cloudWatchLogs", "logGroupName", "/chat/logs_#1")},
		{Name: &none, State: "ACTIVE",
			DestinationConfiguration: destination("firehose", "deliveryStreamName", "chat_logs.1")},
	}
	var created []loggingConfiguration
	for i, want := range wants {
		input := fields{"destinationConfiguration": want.DestinationConfiguration}
		if i == 0 {
			input["name"], input["tags"] = name, want.Tags
		}
		created = append(created, createLogging(t, c, input, want))
	}
	if diff := cmp.Diff(created[0], getLogging(t, c, created[0].ARN)); diff != "" {
		t.Errorf("GetLoggingConfiguration differs from the created one (-created +got):\n%s", diff)
	}
	checkLoggingPages(t, c, created)
	checkLoggingUpdate(t, c, created[0], wants[0])
	checkLoggingTags(t, c, created[1])
	mustReturnNothing(t, c, "DeleteLoggingConfiguration", fields{
		"identifier": created[2].ARN,
	}, 204)
	gone := refused(t, c, "GetLoggingConfiguration", fields{"identifier": created[2].ARN})
	checkNotFound(t, gone, "LOGGING_CONFIGURATION", created[2].ID)
}

// destination returns a union with one member.
func destination(kind, member, name string) map[string]map[string]string {
	return map[string]map[string]string{kind: {member: name}}
}

// checkLoggingPages lists all three configurations, of which the last comes first.
func checkLoggingPages(t *testing.T, c apiClient, created []loggingConfiguration) {
	t.Helper()
	type page struct {
		LoggingConfigurations []loggingConfiguration
		NextToken             *string
	}
	var first, second page
	must(t, c, "ListLoggingConfigurations", fields{"maxResults": 2}, 200, &first)
	if first.NextToken == nil {
		t.Fatalf("a page of 2 out of 3 logging configurations has no nextToken: %+v", first)
	}
	must(t, c, "ListLoggingConfigurations", fields{
		"maxResults": 2, "nextToken": *first.NextToken,
	}, 200, &second)
	if len(first.LoggingConfigurations) != 2 || second.NextToken != nil {
		t.Errorf("pages of at most 2 out of 3: %+v and %+v, want 2 and 1", first, second)
	}
	want := slices.Clone(created)
	slices.Reverse(want)
	got := append(first.LoggingConfigurations, second.LoggingConfigurations...)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("pages hold others than were created (-created +got):\n%s", diff)
	}
}

// checkLoggingUpdate changes the destination and nothing else.
func checkLoggingUpdate(t *testing.T, c apiClient, created, want loggingConfiguration) {
	t.Helper()
	want.DestinationConfiguration = destination("firehose", "deliveryStreamName", "another")
	var updated loggingConfiguration
	must(t, c, "UpdateLoggingConfiguration", fields{
		"identifier": created.ARN, "destinationConfiguration": want.DestinationConfiguration,
	}, 200, &updated)
	checkLogging(t, "UpdateLoggingConfiguration", updated, want)
	if updated.ARN != created.ARN || !updated.CreateTime.Equal(created.CreateTime) ||
		updated.UpdateTime.Before(created.UpdateTime) {
		t.Errorf("UpdateLoggingConfiguration: %+v, want arn, id and createTime of %+v", updated, created)
	}
	if diff := cmp.Diff(updated, getLogging(t, c, created.ARN)); diff != "" {
		t.Errorf("GetLoggingConfiguration differs from the updated one (-updated +got):\n%s", diff)
	}
}

func checkLoggingTags(t *testing.T, c apiClient, created loggingConfiguration) {
	t.Helper()
	want := map[string]string{"größe": "1"}
	mustReturnNothing(t, c, "TagResource", fields{"resourceArn": created.ARN, "tags": want}, 200)
	var got struct{ Tags map[string]string }
	must(t, c, "ListTagsForResource", fields{"resourceArn": created.ARN}, 200, &got)
	if diff := cmp.Diff(want, got.Tags); diff != "" {
		t.Errorf("tags of a logging configuration (-want +got):\n%s", diff)
	}
}
