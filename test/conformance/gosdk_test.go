package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/smithy-go"
)

// goSDK is the AWS SDK for Go v2 as an apiClient.
type goSDK struct {
	operations map[string]goOperation
	http       *statusRecorder
}

// goOperation calls an operation with a request in JSON.
type goOperation func(ctx context.Context, input []byte) (output any, err error)

// startGoSDK returns a client that reads its key from a credentials file, as the
// SDK's own loader does.
func startGoSDK(t *testing.T, srv *server, credentialsFile string) apiClient {
	t.Helper()
	recorder := &statusRecorder{}
	c := newIVSChat(t, srv, credentialsFile, recorder)
	return goSDK{http: recorder, operations: map[string]goOperation{
		"CreateChatToken":            bind(c.CreateChatToken),
		"CreateRoom":                 bind(c.CreateRoom),
		"GetRoom":                    bind(c.GetRoom),
		"ListRooms":                  bind(c.ListRooms),
		"UpdateRoom":                 bind(c.UpdateRoom),
		"DeleteRoom":                 bind(c.DeleteRoom),
		"CreateLoggingConfiguration": createLoggingConfiguration(c),
		"GetLoggingConfiguration":    getLoggingConfiguration(c),
		"ListLoggingConfigurations":  listLoggingConfigurations(c),
		"UpdateLoggingConfiguration": updateLoggingConfiguration(c),
		"DeleteLoggingConfiguration": bind(c.DeleteLoggingConfiguration),
		"SendEvent":                  bind(c.SendEvent),
		"DeleteMessage":              bind(c.DeleteMessage),
		"DisconnectUser":             bind(c.DisconnectUser),
		"TagResource":                bind(c.TagResource),
		"UntagResource":              bind(c.UntagResource),
		"ListTagsForResource":        bind(c.ListTagsForResource),
	}}
}

// newIVSChat returns the client of the AWS SDK for Go v2.
func newIVSChat(
	t *testing.T, srv *server, credentialsFile string, client ivschat.HTTPClient,
) *ivschat.Client {
	t.Helper()
	profile, err := config.LoadSharedConfigProfile(t.Context(), "default",
		func(o *config.LoadSharedConfigOptions) {
			o.CredentialsFiles, o.ConfigFiles = []string{credentialsFile}, []string{}
		})
	if err != nil {
		t.Fatalf("load %s: %v", credentialsFile, err)
	}
	return ivschat.New(ivschat.Options{
		BaseEndpoint: aws.String(srv.url),
		Region:       region,
		Credentials:  credentials.StaticCredentialsProvider{Value: profile.Credentials},
		HTTPClient:   client,
		// Tests look at each answer, so nothing is tried again.
		RetryMaxAttempts: 1,
	})
}

// bind makes a goOperation of a method of the client. Names in JSON match the fields
// of the SDK's structures without regard to case.
func bind[In, Out any](
	method func(context.Context, *In, ...func(*ivschat.Options)) (*Out, error),
) goOperation {
	return func(ctx context.Context, input []byte) (any, error) {
		in := new(In)
		if err := json.Unmarshal(input, in); err != nil {
			return nil, err
		}
		return method(ctx, in)
	}
}

func (c goSDK) call(t *testing.T, operation string, input fields) answer {
	t.Helper()
	data, err := json.Marshal(input)
	if err != nil {
		t.Fatalf("encode %s %v: %v", operation, input, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	output, err := c.operations[operation](ctx, data)
	if err != nil {
		return answer{err: c.describe(t, err)}
	}
	data, err = json.Marshal(output)
	if err != nil {
		t.Fatalf("encode the output of %s: %v", operation, err)
	}
	return answer{Status: c.http.status, Output: data}
}

// describe returns the details of an error of the service.
func (c goSDK) describe(t *testing.T, err error) *apiError {
	t.Helper()
	var service smithy.APIError
	if !errors.As(err, &service) {
		t.Fatalf("error %v, want one of the service", err)
	}
	_, generic := service.(*smithy.GenericAPIError)
	described := &apiError{}
	data, err := json.Marshal(service)
	if err != nil {
		t.Fatalf("encode %v: %v", service, err)
	}
	decode(t, data, described)
	described.Code, described.Message = service.ErrorCode(), service.ErrorMessage()
	described.Status, described.Typed = c.http.status, aws.Bool(!generic)
	return described
}

// statusRecorder is an HTTP client that remembers the status of the last response.
// The tests make one call at a time.
type statusRecorder struct{ status int }

func (r *statusRecorder) Do(request *http.Request) (*http.Response, error) {
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		r.status = response.StatusCode
	}
	return response, err
}
