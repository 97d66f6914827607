// Package awsconfig loads the AWS SDK's settings for services that the server itself
// calls: destinations of chat logs, and exports. Who is called for what, and when a call
// is made again, is left to those who call.
package awsconfig

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Choices say where and as whom to call.
type Choices struct {
	Region string
	// AccessKeyID and Secret sign the calls. Default: what the AWS SDK finds, in Profile
	// if that is set.
	AccessKeyID, Secret string
	Profile             string
}

// Load returns the SDK's settings for calls that are made once: their queues try again,
// and better than the SDK, which does not know how long. A variable that sends all calls
// of the process to one endpoint, which may be this server, does not count.
func Load(
	ctx context.Context, c Choices, options ...func(*config.LoadOptions) error,
) (aws.Config, error) {
	options = append([]func(*config.LoadOptions) error{
		config.WithRegion(c.Region),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
	}, options...)
	if c.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(c.Profile))
	}
	if c.AccessKeyID != "" {
		key := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret}
		options = append(options, config.WithCredentialsProvider(
			aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return key, nil
			})))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("settings of AWS: %w", err)
	}
	cfg.BaseEndpoint = nil
	return cfg, nil
}
