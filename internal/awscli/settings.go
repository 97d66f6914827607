package awscli

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"github.com/parley-chat/parley/internal/api"
)

// Choices are what a command line says about where and as whom to call. What is
// empty comes from the environment and the shared AWS configuration, as for every AWS
// tool.
type Choices struct {
	Profile     string
	Region      string
	EndpointURL string
	CABundle    string // file with the certificates that are trusted
	NoVerifySSL bool
	Unsigned    bool

	// ConnectTimeout and ReadTimeout are how long to wait for a connection and for an
	// answer: defaultTimeout when nil, without end when 0.
	ConnectTimeout, ReadTimeout *time.Duration
}

// defaultTimeout is how long the AWS CLI waits for a connection, and for an answer.
const defaultTimeout = time.Minute

// Local is a Parley server on this machine that commands use by themselves.
type Local struct {
	URL         string
	Region      string // used unless another is chosen
	Credentials string // file with an access key
}

// Settings are where and as whom to call.
type Settings struct {
	API     api.Config
	Profile map[string]string // settings of the profile in the configuration file
	Notice  string            // for people: what was found without being chosen; may be empty
}

// FindLocal looks for a server on this machine. It is asked at most once.
type FindLocal func() (Local, bool)

// Resolve finds out where and as whom to call. Nothing that was chosen is overridden:
// not an endpoint, a profile or an access key. When none is, a server on this machine
// is used with its own key; and with no key to be found, its key is.
func Resolve(ctx context.Context, choices Choices, find FindLocal) (Settings, error) {
	r := resolver{choices: choices}
	if err := r.check(); err != nil {
		return Settings{}, err
	}
	r.local, r.found = find()
	if r.found && !r.endpointChosen() && !r.keyChosen() {
		return r.useLocal(ctx, r.local.URL)
	}
	cfg, err := config.LoadDefaultConfig(ctx, r.options()...)
	if missing := (config.SharedConfigProfileNotExistError{}); errors.As(err, &missing) {
		return Settings{}, failf(exitGeneral, "", "The config profile (%s) could not be found",
			missing.Profile)
	} else if err != nil {
		return Settings{}, failf(exitConfiguration, "Configuration", "%v", err)
	}
	return r.settings(ctx, cfg)
}

// resolver is one Resolve.
type resolver struct {
	choices Choices
	local   Local
	found   bool
}

// options returns what the SDK is told of the choices.
func (r *resolver) options() []func(*config.LoadOptions) error {
	options := []func(*config.LoadOptions) error{
		config.WithSharedConfigProfile(r.choices.Profile),
		config.WithRegion(r.choices.Region),
	}
	if r.found { // do not ask the network for the key of a virtual machine
		options = append(options, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	return options
}

// settings returns what follows from the configuration that the SDK found.
func (r *resolver) settings(ctx context.Context, cfg aws.Config) (Settings, error) {
	if cfg.Region == "" {
		return Settings{}, failf(exitConfiguration, "NoRegion", "You must specify a region. "+
			`You can also configure your region by running "aws configure".`)
	}
	endpoint, err := r.endpoint(ctx, cfg)
	if err != nil {
		return Settings{}, err
	}
	s, err := r.common(endpoint, cfg.Region)
	s.API.Attempts = cmp.Or(cfg.RetryMaxAttempts, api.DefaultAttempts)
	if r.choices.Unsigned || err != nil {
		return s, err
	}
	s.API.Credentials = cfg.Credentials
	_, err = cfg.Credentials.Retrieve(ctx)
	switch {
	case err == nil:
		return s, nil
	case r.found && !r.keyChosen():
		return r.useLocal(ctx, endpoint)
	}
	return Settings{}, noCredentials(err)
}

// useLocal returns settings with the key of the server on this machine.
func (r *resolver) useLocal(ctx context.Context, endpoint string) (Settings, error) {
	region := cmp.Or(r.choices.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"),
		r.local.Region)
	s, err := r.common(endpoint, region)
	s.Notice = fmt.Sprintf("using the server at %s with the access key in %s",
		endpoint, r.local.Credentials)
	if r.choices.Unsigned || err != nil {
		return s, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region),
		config.WithSharedConfigProfile(defaultProfile),
		config.WithSharedConfigFiles([]string{}),
		config.WithSharedCredentialsFiles([]string{r.local.Credentials}))
	if err != nil {
		return Settings{}, failf(exitConfiguration, "Configuration", "%v", err)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return Settings{}, noCredentials(err)
	}
	s.API.Credentials = cfg.Credentials
	return s, nil
}

// common returns the settings that do not depend on the key.
func (r *resolver) common(endpoint, region string) (Settings, error) {
	if !validRegion(region) {
		return Settings{}, failf(exitGeneral, "",
			"Provided region_name '%s' doesn't match a supported format.", region)
	}
	client, err := httpClient(r.choices, strings.HasPrefix(endpoint, "https:"))
	if err != nil {
		return Settings{}, err
	}
	profile, err := profileSettings(cmp.Or(r.choices.Profile, os.Getenv("AWS_PROFILE"),
		os.Getenv("AWS_DEFAULT_PROFILE"), defaultProfile))
	return Settings{
		API:     api.Config{URL: endpoint, Region: region, HTTP: client},
		Profile: profile,
	}, err
}

// check looks for half an access key in the environment, for which the SDK would look
// elsewhere: a call could be made as somebody else.
func (r *resolver) check() error {
	id, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	if r.choices.Profile == "" && !r.choices.Unsigned && id != "" && secret == "" {
		return failf(exitGeneral, "",
			"Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY")
	}
	return nil
}

// regionPattern is what the AWS CLI takes for a region: a label of a host name.
var regionPattern = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$`)

func validRegion(region string) bool {
	return regionPattern.MatchString(region) && strings.Trim(region, "0123456789") != ""
}

// endpointChosen reports whether somebody said where to call.
func (r *resolver) endpointChosen() bool {
	return r.choices.EndpointURL != "" || os.Getenv("AWS_ENDPOINT_URL_IVSCHAT") != "" ||
		os.Getenv("AWS_ENDPOINT_URL") != ""
}

// keyChosen reports whether somebody said as whom to call. A default profile is no
// choice, nor is the server's own file.
func (r *resolver) keyChosen() bool {
	file := os.Getenv("AWS_SHARED_CREDENTIALS_FILE")
	if file != "" && !sameFile(file, r.local.Credentials) {
		return true
	}
	for _, variable := range []string{
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	} {
		if os.Getenv(variable) != "" {
			return true
		}
	}
	return r.choices.Profile != ""
}

func sameFile(a, b string) bool {
	left, err := os.Stat(a)
	if err != nil {
		return false
	}
	right, err := os.Stat(b)
	return err == nil && os.SameFile(left, right)
}

// endpoint returns where to call: what was chosen on the line, in the environment or
// in the profile, in this order, or else Amazon's.
func (r *resolver) endpoint(ctx context.Context, cfg aws.Config) (string, error) {
	chosen, err := r.configuredEndpoint(ctx, cfg)
	if err != nil || chosen == "" {
		return amazonURL(ctx, cfg), err
	}
	if u, err := url.Parse(chosen); err != nil || u.Scheme == "" || u.Host == "" {
		return "", failf(exitParameters, "ParamValidation", `Bad value for --endpoint-url "%s": `+
			"scheme is missing.  Must be of the form http://<hostname>/ or https://<hostname>/", chosen)
	}
	return chosen, nil
}

func (r *resolver) configuredEndpoint(ctx context.Context, cfg aws.Config) (string, error) {
	if r.choices.EndpointURL != "" {
		return r.choices.EndpointURL, nil
	}
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(interface {
			GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
		}); ok {
			if ignore, found, err := s.GetIgnoreConfiguredEndpoints(ctx); found && ignore || err != nil {
				return "", err
			}
		}
	}
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}); ok {
			if endpoint, found, err := s.GetServiceBaseEndpoint(ctx, "ivschat"); found || err != nil {
				return endpoint, err
			}
		}
	}
	return aws.ToString(cfg.BaseEndpoint), nil
}

// amazonURL returns Amazon's endpoint in a region, which is in the partition aws.
func amazonURL(ctx context.Context, cfg aws.Config) string {
	host, suffix := "ivschat", "amazonaws.com"
	for _, source := range cfg.ConfigSources {
		if s, ok := source.(interface {
			GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
		}); ok {
			if state, _, _ := s.GetUseFIPSEndpoint(ctx); state == aws.FIPSEndpointStateEnabled {
				host = "ivschat-fips"
			}
		}
		if s, ok := source.(interface {
			GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
		}); ok {
			if state, _, _ := s.GetUseDualStackEndpoint(ctx); state == aws.DualStackEndpointStateEnabled {
				suffix = "api.aws"
			}
		}
	}
	return "https://" + host + "." + cfg.Region + "." + suffix
}

// httpClient returns a client with the timeouts and, with TLS, the trust that were
// chosen. It follows no redirect, since a signature is for one URL.
func httpClient(c Choices, secure bool) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: c.NoVerifySSL}
	bundle := cmp.Or(c.CABundle, os.Getenv("AWS_CA_BUNDLE"))
	if bundle != "" && secure && !c.NoVerifySSL {
		var err error
		if transport.TLSClientConfig.RootCAs, err = readBundle(bundle); err != nil {
			return nil, err
		}
	}
	dialer := &net.Dialer{Timeout: timeout(c.ConnectTimeout)}
	transport.DialContext = dialer.DialContext
	transport.ResponseHeaderTimeout = timeout(c.ReadTimeout)
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}, nil
}

// readBundle returns the certificates in a file.
func readBundle(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, failf(exitGeneral, "", "Could not find a suitable TLS CA certificate bundle, "+
			"invalid path: %s", path)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, failf(exitGeneral, "", "%s holds no certificates in PEM form", path)
	}
	return roots, nil
}

// timeout returns what net and net/http take: 0 for none.
func timeout(d *time.Duration) time.Duration {
	if d == nil {
		return defaultTimeout
	}
	return *d
}

// noCredentials is the failure when there is no access key.
func noCredentials(cause error) error {
	text := `Unable to locate credentials. You can configure credentials by running "aws configure".`
	if cause != nil && !strings.Contains(cause.Error(), "no EC2 IMDS role found") {
		text += "\n(" + cause.Error() + ")"
	}
	return failf(exitConfiguration, "NoCredentials", "%s", text+"\n"+
		"For a Parley server on this machine, run this in the folder that holds its parley-data, "+
		"or set PARLEY_DATA.")
}
