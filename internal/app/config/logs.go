package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/chatlog"
)

// LogsConfig says where chat logs go, and what becomes of them until they are there.
// Zero is the default of every member.
type LogsConfig struct {
	// QueueBytes is how much may wait on disk, at least 1 MiB. Past it, the oldest
	// records are dropped. Default 1 GiB.
	QueueBytes int64 `koanf:"queue_bytes"`
	// QueueAge is how long a record may wait, at least twice the window. Default 24
	// hours.
	QueueAge time.Duration `koanf:"queue_age"`
	// Window is how often objects are written to S3 and to folders, 1 second to an hour.
	// Default 5 minutes.
	Window time.Duration `koanf:"window"`
	// Flush is how often records go to CloudWatch Logs and Firehose, 1 second to a
	// minute. Default 5 seconds.
	Flush time.Duration `koanf:"flush"`
	// Grace is how long a server that stops may take to deliver what waits, 1 second to
	// 5 minutes. Default 10 seconds.
	Grace time.Duration `koanf:"grace"`
	// Probe has Create- and UpdateLoggingConfiguration see whether the destination
	// exists. Default off.
	Probe bool `koanf:"probe"`
	// Destinations say where names of destinations lead; the first that fits counts.
	// Names that none fits lead to the folder logs in the data folder.
	Destinations []LogDestinationConfig `koanf:"destinations"`
}

// LogDestinationConfig says where the destinations of one kind lead whose names fit a
// pattern with the wildcards * and ?.
type LogDestinationConfig struct {
	// One of these has the pattern: for buckets, log groups or delivery streams.
	S3             string `koanf:"s3"`
	CloudWatchLogs string `koanf:"cloudwatch_logs"`
	Firehose       string `koanf:"firehose"`
	// Directory is a folder instead of the API. In a file, a relative path starts at the
	// file. Each name gets a folder of its own in it.
	Directory string `koanf:"directory"`
	// Endpoint is the URL of the API. Default that of AWS.
	Endpoint string `koanf:"endpoint"`
	// Region is what calls are signed for. Default that of the room.
	Region string `koanf:"region"`
	// PathStyle has the name of a bucket in the path, which most S3-compatible stores
	// need.
	PathStyle bool `koanf:"path_style"`
	// AccessKeyID signs the calls, with the secret in a file or in an environment
	// variable. Default: what the AWS SDK finds in its usual places, in Profile if that
	// is set.
	AccessKeyID string `koanf:"access_key_id"`
	SecretFile  string `koanf:"secret_file"`
	SecretEnv   string `koanf:"secret_env"`
	Profile     string `koanf:"profile"`
}

// check returns what is wrong with the settings but for the destinations.
func (c LogsConfig) check() []error {
	var errs []error
	between := func(key string, d, low, high time.Duration) {
		if d != 0 && (d < low || d > high) {
			errs = append(errs, fmt.Errorf("logs: %s must be %s to %s, not %s", key, low, high, d))
		}
	}
	between("window", c.Window, time.Second, time.Hour)
	between("flush", c.Flush, time.Second, time.Minute)
	between("grace", c.Grace, time.Second, 5*time.Minute)
	window := max(c.Window, chatlog.DefaultWindow, c.Flush)
	if c.Window != 0 {
		window = max(c.Window, c.Flush)
	}
	if c.QueueAge != 0 && c.QueueAge < 2*window {
		errs = append(errs, fmt.Errorf("logs: queue_age must be at least %s, twice the window, not %s",
			2*window, c.QueueAge))
	}
	if c.QueueBytes != 0 && c.QueueBytes < chatlog.MinQueueBytes {
		errs = append(errs, fmt.Errorf("logs: queue_bytes must be at least %d, not %d",
			chatlog.MinQueueBytes, c.QueueBytes))
	}
	return errs
}

// logMappings returns where names of destinations lead, with their secrets. The error
// names every mistake.
func (c Config) logMappings() ([]chatlog.Mapping, error) {
	var mappings []chatlog.Mapping
	var errs []error
	for i, d := range c.Logs.Destinations {
		m, mistakes := d.mapping(c.Path)
		for _, mistake := range mistakes {
			errs = append(errs, fmt.Errorf("logs: destinations[%d]: %w", i, mistake))
		}
		mappings = append(mappings, m)
	}
	return mappings, errors.Join(errs...)
}

func (d LogDestinationConfig) mapping(path func(string) string) (chatlog.Mapping, []error) {
	m := chatlog.Mapping{Endpoint: d.Endpoint, Region: d.Region, PathStyle: d.PathStyle,
		AccessKeyID: d.AccessKeyID, Profile: d.Profile}
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	kinds := 0
	for kind, pattern := range map[parley.DestinationKind]string{
		parley.DestinationS3: d.S3, parley.DestinationCloudWatchLogs: d.CloudWatchLogs,
		parley.DestinationFirehose: d.Firehose,
	} {
		if pattern != "" {
			m.Kind, m.Pattern = kind, pattern
			kinds++
		}
	}
	if kinds != 1 {
		wrong("want exactly one of s3, cloudwatch_logs and firehose, with a pattern for names")
	}
	if d.Directory != "" {
		if d != (LogDestinationConfig{S3: d.S3, CloudWatchLogs: d.CloudWatchLogs,
			Firehose: d.Firehose, Directory: d.Directory}) {
			wrong("a directory needs no settings of an API")
		}
		m.Directory = path(d.Directory)
		return m, errs
	}
	errs = append(errs, d.checkAPI(m.Kind)...)
	secret, err := d.secret(path)
	if err != nil {
		errs = append(errs, err)
	}
	m.Secret = secret
	return m, errs
}

// checkAPI returns what is wrong with the settings of a destination's API.
func (d LogDestinationConfig) checkAPI(kind parley.DestinationKind) []error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if d.Endpoint != "" {
		u, err := url.Parse(d.Endpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			wrong("endpoint must be an http or https URL, not %q", d.Endpoint)
		}
	}
	if d.Region != "" && !regionPattern.MatchString(d.Region) {
		wrong("region: %q is not the name of a region, such as us-east-1", d.Region)
	}
	if d.PathStyle && kind != parley.DestinationS3 {
		wrong("path_style is for s3")
	}
	if d.AccessKeyID != "" && d.Profile != "" {
		wrong("access_key_id and profile exclude each other")
	}
	return errs
}

// secret returns the secret of the access key, if there is one.
func (d LogDestinationConfig) secret(path func(string) string) (string, error) {
	if (d.AccessKeyID == "") != (d.SecretFile == "" && d.SecretEnv == "") ||
		d.SecretFile != "" && d.SecretEnv != "" {
		return "", errors.New("access_key_id needs either secret_file or secret_env, and these need it")
	}
	if d.AccessKeyID == "" {
		return "", nil
	}
	secret := os.Getenv(d.SecretEnv)
	if d.SecretFile != "" {
		text, err := os.ReadFile(path(d.SecretFile))
		if err != nil {
			return "", fmt.Errorf("secret_file: %w", err)
		}
		secret = strings.TrimSpace(string(text))
	}
	if secret == "" {
		return "", fmt.Errorf("the secret in %s is empty", d.SecretFile+d.SecretEnv)
	}
	return secret, nil
}

// LogDestinations returns where the names of log destinations lead, for a server with
// its data in a folder.
func (c Config) LogDestinations(data string) (*chatlog.Destinations, error) {
	mappings, err := c.logMappings()
	if err != nil {
		return nil, err
	}
	return chatlog.NewDestinations(filepath.Join(data, "logs"), mappings), nil
}
