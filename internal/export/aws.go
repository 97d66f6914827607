package export

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/parley-chat/parley/internal/awsconfig"
)

// AWS says where an API of AWS is called, and as whom.
type AWS struct {
	Region   string
	Endpoint string // URL; empty: that of AWS
	// AccessKeyID and Secret sign the calls. Default: what the AWS SDK finds, in Profile
	// if that is set.
	AccessKeyID, Secret string
	Profile             string
}

// load returns the SDK's settings.
func (c AWS) load(ctx context.Context) (aws.Config, error) {
	cfg, err := awsconfig.Load(ctx, awsconfig.Choices{
		Region: c.Region, Profile: c.Profile, AccessKeyID: c.AccessKeyID, Secret: c.Secret,
	})
	if err != nil {
		return aws.Config{}, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if built, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		transport = built.GetTransport() // which knows the certificates of AWS_CA_BUNDLE
	}
	cfg.HTTPClient = &http.Client{
		Transport: transport, Timeout: callTimeout, CheckRedirect: noRedirect}
	return cfg, nil
}

// endpoint sets where a client calls, unless that is for the SDK to find.
func (c AWS) endpoint(of **string) {
	if c.Endpoint != "" {
		*of = &c.Endpoint
	}
}

// closeIdle drops the connections of a client that are not in use.
func closeIdle(client aws.HTTPClient) {
	if c, ok := client.(*http.Client); ok {
		c.CloseIdleConnections()
	}
}

// noRedirect keeps a signature from being taken to another host.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

var retryer = retry.NewStandard()

// passes reports whether a call that failed may succeed another time.
func passes(err error) bool { return retryer.IsErrorRetryable(err) }
