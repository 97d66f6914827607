package chatlog

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/awsconfig"
)

// Mapping says where the destinations lead that fit a pattern.
type Mapping struct {
	Kind parley.DestinationKind
	// Pattern fits names of the kind as those of resources in policies: * is any number
	// of characters, ? is one.
	Pattern string
	// Directory is a folder, which gets one of its own for each name. When it is empty,
	// names lead to the API of their kind.
	Directory string
	// Endpoint is the URL of the API. Default that of AWS.
	Endpoint string
	// Region is what calls are signed for. Default the region of the room.
	Region string
	// PathStyle has the bucket in the path, for S3-compatible stores.
	PathStyle bool
	// AccessKeyID and Secret sign the calls. Default: what the AWS SDK finds, in Profile
	// if that is set.
	AccessKeyID, Secret string
	Profile             string
}

// Destinations knows where the names of destinations lead. Its methods may be called
// from any goroutine.
type Destinations struct {
	folder      string // for names that no mapping fits
	mappings    []*mapping
	connections connections
}

// mapping is a Mapping with what was loaded for it.
type mapping struct {
	Mapping
	mu      sync.Mutex // guards configs; held while one is loaded
	configs map[string]aws.Config
}

// NewDestinations returns destinations whose names lead where the first mapping says
// that fits, and otherwise into a folder.
func NewDestinations(folder string, mappings []Mapping) *Destinations {
	d := &Destinations{folder: folder}
	for _, m := range mappings {
		d.mappings = append(d.mappings, &mapping{Mapping: m, configs: map[string]aws.Config{}})
	}
	return d
}

// Close drops the connections that are not in use.
func (d *Destinations) Close() { d.connections.close() }

// target returns where a destination leads, for a room of a region.
func (d *Destinations) target(ctx context.Context, region string, to parley.Destination) (
	target, error,
) {
	store, m := d.store(to)
	if store != nil {
		return objects{store}, nil
	}
	cfg, err := m.config(ctx, region, &d.connections)
	if err != nil {
		return nil, err
	}
	where := to.Name + " at " + cmp.Or(m.Endpoint, "AWS, "+cfg.Region)
	switch to.Kind {
	case parley.DestinationCloudWatchLogs:
		return newLogGroup(cfg, m, to.Name, where), nil
	case parley.DestinationFirehose:
		return newStream(cfg, m, to.Name, where), nil
	}
	return objects{newBucket(cfg, m, to.Name, where)}, nil
}

// store returns the folder that a destination leads to, or the mapping that knows
// another place.
func (d *Destinations) store(to parley.Destination) (objectStore, *mapping) {
	for _, m := range d.mappings {
		switch {
		case m.Kind != to.Kind || !like(m.Pattern, to.Name):
		case m.Directory != "":
			return directory{filepath.Join(m.Directory, fileName(to.Name))}, nil
		default:
			return nil, m
		}
	}
	return directory{filepath.Join(d.folder, string(to.Kind), fileName(to.Name))}, nil
}

// like reports whether a name fits a pattern with * and ?. Names are ASCII.
func like(pattern, name string) bool {
	star, from := -1, 0 // the last *, and where what it takes in ends
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// fileName returns a name for a folder: those of log groups have slashes, and some
// mean other folders.
func fileName(name string) string {
	escaped := url.PathEscape(name)
	if strings.Trim(escaped, ".") == "" {
		return strings.ReplaceAll(escaped, ".", "%2E")
	}
	return escaped
}

// config returns the SDK's settings for a mapping.
func (m *mapping) config(ctx context.Context, region string, c *connections) (aws.Config, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Region != "" {
		region = m.Region
	}
	if cfg, ok := m.configs[region]; ok {
		return cfg, nil
	}
	cfg, err := awsconfig.Load(ctx, awsconfig.Choices{
		Region: region, Profile: m.Profile, AccessKeyID: m.AccessKeyID, Secret: m.Secret,
	}, config.WithHTTPClient(awshttp.NewBuildableClient()))
	if err != nil {
		return aws.Config{}, err
	}
	cfg.HTTPClient = c.of(cfg)
	m.configs[region] = cfg
	return cfg, nil
}

// endpoint sets where a client calls, unless that is for the SDK to find.
func (m *mapping) endpoint(of **string) {
	if m.Endpoint != "" {
		*of = &m.Endpoint
	}
}

// callTimeout bounds one call of a destination.
const callTimeout = time.Minute

// connections are those of all destinations.
type connections struct {
	mu     sync.Mutex // guards client
	client *http.Client
}

// of returns the client that makes all calls. The first settings say which
// certificates it trusts, which the SDK has found. It follows no redirects, which would
// take a signature to another host.
func (c *connections) of(cfg aws.Config) *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == nil {
		own := cfg.HTTPClient.(*awshttp.BuildableClient).GetTransport() // the SDK's default
		own.MaxIdleConnsPerHost = maxUploads
		c.client = &http.Client{Transport: own,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return c.client
}

func (c *connections) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil {
		c.client.CloseIdleConnections()
	}
}
