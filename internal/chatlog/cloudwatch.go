package chatlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/parley-chat/parley"
)

// Limits of one PutLogEvents. Source: API reference of CloudWatch Logs.
const (
	maxLogEvents  = 10_000
	maxLogBytes   = 1_048_576 // of messages, with logEventBytes for each
	logEventBytes = 26
	maxLogSpan    = 24 * time.Hour // from the first event to the last
)

// logGroup is a group of CloudWatch Logs, with a stream for each room.
type logGroup struct {
	client *cloudwatchlogs.Client
	name   string
	where  string // for people
}

func newLogGroup(cfg aws.Config, m *mapping, name, where string) logGroup {
	client := cloudwatchlogs.NewFromConfig(cfg,
		func(o *cloudwatchlogs.Options) { m.endpoint(&o.BaseEndpoint) })
	return logGroup{client, name, where}
}

func (g logGroup) String() string { return g.where }

// maxLogCalls is how many calls there are at once for a group.
const maxLogCalls = 8

func (g logGroup) parallel() int { return maxLogCalls }

// split makes parts of one room each, ordered by time as the API demands it.
func (g logGroup) split(items []item) []part {
	var parts []part
	for _, room := range byRoom(items) {
		slices.SortStableFunc(room, func(a, b item) int { return cmp.Compare(a.Millis, b.Millis) })
		for _, some := range chunks(room, maxLogEvents, maxLogBytes, logEventBytes) {
			for len(some) > 0 {
				n := within(some, maxLogSpan)
				parts = append(parts, part{room: some[0].Room, items: some[:n:n]})
				some = some[n:]
			}
		}
	}
	return parts
}

// within returns how many of the items are at most a time later than the first.
func within(items []item, span time.Duration) int {
	for i := range items {
		if items[i].Millis-items[0].Millis > span.Milliseconds() {
			return i
		}
	}
	return len(items)
}

func (g logGroup) send(ctx context.Context, _ parley.World, p part) result {
	name := "aws/IVSChatLogs/" + recordVersion + "/room_" + p.room
	events := make([]types.InputLogEvent, len(p.items))
	for i, record := range p.records {
		events[i] = types.InputLogEvent{
			Message: aws.String(string(record)), Timestamp: aws.Int64(p.items[i].Millis)}
	}
	put := func() (*cloudwatchlogs.PutLogEventsOutput, error) {
		return g.client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
			LogGroupName: &g.name, LogStreamName: &name, LogEvents: events})
	}
	out, err := put()
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		if err = g.create(ctx, name); err == nil {
			out, err = put()
		}
	}
	if err != nil {
		return p.failed(err)
	}
	return p.someRejected(out.RejectedLogEventsInfo)
}

// create makes a stream. The error is that the group is missing, if it is.
func (g logGroup) create(ctx context.Context, name string) error {
	_, err := g.client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{
		LogGroupName: &g.name, LogStreamName: &name})
	var exists *types.ResourceAlreadyExistsException
	if errors.As(err, &exists) {
		return nil // another node was faster
	}
	return err
}

// errTooNew is the failure of events that CloudWatch Logs will take later.
var errTooNew = errors.New("the clock of CloudWatch Logs is more than two hours behind")

// someRejected returns what becomes of events that were not taken although the call
// succeeded. What is too old never will be.
func (p part) someRejected(info *types.RejectedLogEventsInfo) result {
	if info == nil {
		return result{}
	}
	bound := func(i *int32, otherwise int) int {
		if i == nil {
			return otherwise
		}
		return min(max(int(*i), 0), len(p.items))
	}
	r := result{refused: max(bound(info.TooOldLogEventEndIndex, 0),
		bound(info.ExpiredLogEventEndIndex, 0))}
	if from := bound(info.TooNewLogEventStartIndex, len(p.items)); from < len(p.items) {
		r.left = p.items[from:]
		r.err = fmt.Errorf("%d of %d events were not taken: %w", len(r.left), len(p.items), errTooNew)
	}
	return r
}

// probe asks for the groups that begin with the name, of which its own comes first.
func (g logGroup) probe(ctx context.Context) error {
	out, err := g.client.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{
		LogGroupNamePrefix: &g.name, Limit: aws.Int32(1)})
	if err != nil {
		return err
	}
	for _, group := range out.LogGroups {
		if aws.ToString(group.LogGroupName) == g.name {
			return nil
		}
	}
	return &types.ResourceNotFoundException{Message: aws.String("The log group does not exist.")}
}
