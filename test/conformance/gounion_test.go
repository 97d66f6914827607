package conformance

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
)

// The destination of a logging configuration is a union, which encoding/json can
// neither decode nor encode as the API does. The operations that have one are bound
// here.

// union is a destination in the JSON of a request, of which one member is set.
type union struct {
	S3             *types.S3DestinationConfiguration
	CloudWatchLogs *types.CloudWatchLogsDestinationConfiguration
	Firehose       *types.FirehoseDestinationConfiguration
}

// forSDK returns the union as the SDK has it, or nil.
func (u *union) forSDK() types.DestinationConfiguration {
	switch {
	case u == nil:
		return nil
	case u.S3 != nil:
		return &types.DestinationConfigurationMemberS3{Value: *u.S3}
	case u.CloudWatchLogs != nil:
		return &types.DestinationConfigurationMemberCloudWatchLogs{Value: *u.CloudWatchLogs}
	case u.Firehose != nil:
		return &types.DestinationConfigurationMemberFirehose{Value: *u.Firehose}
	}
	return nil
}

// unionOf returns a destination of the SDK as JSON has it.
func unionOf(sdk types.DestinationConfiguration) (map[string]map[string]string, error) {
	switch d := sdk.(type) {
	case *types.DestinationConfigurationMemberS3:
		return destination("s3", "bucketName", aws.ToString(d.Value.BucketName)), nil
	case *types.DestinationConfigurationMemberCloudWatchLogs:
		name := aws.ToString(d.Value.LogGroupName)
		return destination("cloudWatchLogs", "logGroupName", name), nil
	case *types.DestinationConfigurationMemberFirehose:
		name := aws.ToString(d.Value.DeliveryStreamName)
		return destination("firehose", "deliveryStreamName", name), nil
	}
	return nil, fmt.Errorf("the SDK does not know the destination %#v", sdk)
}

// withUnion returns the members of an output, of which the destination is as JSON
// has it.
func withUnion(output any, sdk types.DestinationConfiguration) (fields, error) {
	data, err := json.Marshal(output)
	if err != nil {
		return nil, err
	}
	var members fields
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	members["DestinationConfiguration"], err = unionOf(sdk)
	return members, err
}

func createLoggingConfiguration(c *ivschat.Client) goOperation {
	return func(ctx context.Context, input []byte) (any, error) {
		var in struct {
			Name                     *string
			DestinationConfiguration *union
			Tags                     map[string]string
		}
		if err := json.Unmarshal(input, &in); err != nil {
			return nil, err
		}
		out, err := c.CreateLoggingConfiguration(ctx, &ivschat.CreateLoggingConfigurationInput{
			Name:                     in.Name,
			DestinationConfiguration: in.DestinationConfiguration.forSDK(),
			Tags:                     in.Tags,
		})
		if err != nil {
			return nil, err
		}
		return withUnion(out, out.DestinationConfiguration)
	}
}

func getLoggingConfiguration(c *ivschat.Client) goOperation {
	return func(ctx context.Context, input []byte) (any, error) {
		in := &ivschat.GetLoggingConfigurationInput{}
		if err := json.Unmarshal(input, in); err != nil {
			return nil, err
		}
		out, err := c.GetLoggingConfiguration(ctx, in)
		if err != nil {
			return nil, err
		}
		return withUnion(out, out.DestinationConfiguration)
	}
}

func listLoggingConfigurations(c *ivschat.Client) goOperation {
	return func(ctx context.Context, input []byte) (any, error) {
		in := &ivschat.ListLoggingConfigurationsInput{}
		if err := json.Unmarshal(input, in); err != nil {
			return nil, err
		}
		out, err := c.ListLoggingConfigurations(ctx, in)
		if err != nil {
			return nil, err
		}
		page := struct {
			LoggingConfigurations []fields
			NextToken             *string
		}{NextToken: out.NextToken}
		for _, l := range out.LoggingConfigurations {
			members, err := withUnion(l, l.DestinationConfiguration)
			if err != nil {
				return nil, err
			}
			page.LoggingConfigurations = append(page.LoggingConfigurations, members)
		}
		return page, nil
	}
}

func updateLoggingConfiguration(c *ivschat.Client) goOperation {
	return func(ctx context.Context, input []byte) (any, error) {
		var in struct {
			Identifier               *string
			Name                     *string
			DestinationConfiguration *union
		}
		if err := json.Unmarshal(input, &in); err != nil {
			return nil, err
		}
		out, err := c.UpdateLoggingConfiguration(ctx, &ivschat.UpdateLoggingConfigurationInput{
			Identifier:               in.Identifier,
			Name:                     in.Name,
			DestinationConfiguration: in.DestinationConfiguration.forSDK(),
		})
		if err != nil {
			return nil, err
		}
		return withUnion(out, out.DestinationConfiguration)
	}
}
