package review

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go/logging"
)

// LambdaConfig is the Invoke API of Lambda, at AWS or at something compatible. What is
// not set is as AWS tools have it, in the environment and the shared files.
type LambdaConfig struct {
	// Endpoint is the URL of the API. Default: that of AWS in the region.
	Endpoint string `koanf:"endpoint"`
	// Region is what calls are signed for. Default: the one in the function's ARN.
	Region string `koanf:"region"`
	// Function is invoked whatever the ARN, for APIs that know functions only by their
	// names. Default: the ARN.
	Function string `koanf:"function"`
	// Profile is the one to take from the shared files. Default: as AWS tools choose.
	Profile string `koanf:"profile"`
	// AccessKeyID is an access key, instead of a profile, and the secret its own.
	AccessKeyID  string `koanf:"access_key_id"`
	SecretConfig `koanf:",squash"`

	TLSConfig `koanf:",squash"`
}

func (c LambdaConfig) load(l location, size int) caller {
	pool := newPool(size, c.TLSConfig.load(l))
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	switch hasSecret := c.SecretConfig != (SecretConfig{}); {
	case c.Profile != "" && c.AccessKeyID != "":
		l.wrong("profile and access_key_id exclude each other")
	case c.Profile != "":
		options = append(options, config.WithSharedConfigProfile(c.Profile))
	case c.AccessKeyID != "":
		key := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: l.secret("", c.SecretConfig)}
		options = append(options, config.WithCredentialsProvider(aws.CredentialsProviderFunc(
			func(context.Context) (aws.Credentials, error) { return key, nil })))
	case hasSecret:
		l.wrong("a secret without an access_key_id")
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), options...) // reads files alone
	if err != nil {
		l.wrong("%w", err)
	}
	if c.Endpoint != "" {
		target, err := url.Parse(c.Endpoint)
		if err != nil || target.Host == "" || target.Scheme != "https" && target.Scheme != "http" {
			l.wrong("endpoint must be an http or https URL, not %q", c.Endpoint)
		}
		cfg.BaseEndpoint = &c.Endpoint
	}
	return &invoker{function: c.Function, region: c.Region, pool: pool, credentials: cfg.Credentials,
		client: lambda.NewFromConfig(cfg, func(o *lambda.Options) {
			o.HTTPClient = detached{pool.client}
			// A second try would come when the message's time is over.
			o.Retryer, o.RetryMaxAttempts = aws.NopRetryer{}, 1
		})}
}

// invoker calls functions by the Invoke API.
type invoker struct {
	function    string // instead of the ARN; empty for the ARN
	region      string // instead of the ARN's; empty for that
	client      *lambda.Client
	credentials aws.CredentialsProvider
	pool        *pool
}

func (v *invoker) call(ctx context.Context, function string, payload []byte) ([]byte, error) {
	region := v.region
	if region == "" {
		region = regionOf(function)
	}
	if v.function != "" {
		function = v.function
	}
	out, err := v.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: payload},
		func(o *lambda.Options) { o.Region = region })
	switch {
	case err != nil:
		return nil, err
	case out.FunctionError != nil:
		return nil, failf(Function, "the function failed: %s", *out.FunctionError)
	case out.StatusCode != 200:
		return nil, failf(Invocation, "Invoke answered with status %d", out.StatusCode)
	}
	return out.Payload, nil
}

// detached sends copies of the SDK's requests. The SDK closes the body of a request when
// its answer begins; the transport may be about to look for the body's end just then,
// and would give up the connection, and with it the answer.
type detached struct{ client *http.Client }

func (d detached) Do(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(bytes.NewReader(body))
	return d.client.Do(req)
}

// regionOf returns the region in the ARN of a function.
func regionOf(function string) string {
	_, after, _ := strings.Cut(function, "arn:aws:lambda:")
	region, _, _ := strings.Cut(after, ":")
	return region
}

// warm has credentials fetched, which may take longer than a review, and opens
// connections if it is known where to.
func (v *invoker) warm(ctx context.Context) error {
	if _, err := v.credentials.Retrieve(ctx); err != nil {
		return err
	}
	if base := v.client.Options().BaseEndpoint; base != nil {
		return v.pool.warm(ctx, *base)
	}
	if v.region == "" {
		return nil
	}
	endpoint, err := lambda.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx,
		lambda.EndpointParameters{Region: &v.region})
	if err != nil {
		return err
	}
	return v.pool.warm(ctx, endpoint.URI.String())
}

func (v *invoker) close() { v.pool.close() }
