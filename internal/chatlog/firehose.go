package chatlog

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"github.com/parley-chat/parley"
)

// Limits of one PutRecordBatch. Source: API reference of Firehose. Its megabytes are
// taken as the smaller ones.
const (
	maxStreamRecords = 500
	maxStreamBytes   = 4_000_000
)

// stream is a delivery stream of Firehose, which gets a record for each of ours, with
// a newline at its end: Firehose joins them at its own destination.
type stream struct {
	client *firehose.Client
	name   string
	where  string // for people
}

func newStream(cfg aws.Config, m *mapping, name, where string) stream {
	client := firehose.NewFromConfig(cfg, func(o *firehose.Options) { m.endpoint(&o.BaseEndpoint) })
	return stream{client, name, where}
}

func (s stream) String() string { return s.where }

// parallel is one, which keeps records in order.
func (s stream) parallel() int { return 1 }

func (s stream) split(items []item) []part {
	var parts []part
	if len(items) == 0 {
		return nil
	}
	for _, some := range chunks(items, maxStreamRecords, maxStreamBytes, len(newline)) {
		parts = append(parts, part{items: some})
	}
	return parts
}

func (s stream) send(ctx context.Context, _ parley.World, p part) result {
	records := make([]types.Record, len(p.records))
	for i, record := range p.records {
		records[i].Data = append(record, newline...)
	}
	out, err := s.client.PutRecordBatch(ctx, &firehose.PutRecordBatchInput{
		DeliveryStreamName: &s.name, Records: records,
	})
	if err != nil {
		return p.failed(err)
	}
	if aws.ToInt32(out.FailedPutCount) == 0 {
		return result{}
	}
	return p.someFailed(out.RequestResponses)
}

// someFailed returns what is left when the answer lists records that were not taken.
func (p part) someFailed(answers []types.PutRecordBatchResponseEntry) result {
	if len(answers) != len(p.items) {
		return p.failed(fmt.Errorf("the answer is about %d records, want %d",
			len(answers), len(p.items)))
	}
	var r result
	for i, answer := range answers {
		if answer.ErrorCode != nil {
			r.left = append(r.left, p.items[i])
			r.err = fmt.Errorf("%s: %s", *answer.ErrorCode, aws.ToString(answer.ErrorMessage))
		}
	}
	if r.err != nil {
		r.err = fmt.Errorf("%d of %d records were not taken: %w", len(r.left), len(p.items), r.err)
	}
	return r
}

func (s stream) probe(ctx context.Context) error {
	_, err := s.client.DescribeDeliveryStream(ctx,
		&firehose.DescribeDeliveryStreamInput{DeliveryStreamName: &s.name})
	return err
}
