package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/parley-chat/parley/internal/export"
)

// ExportsConfig says what other systems are told. Each is off unless it is set.
type ExportsConfig struct {
	// Source is what events name as their source: not one that begins with aws., which
	// EventBridge refuses. Default parley.
	Source string `koanf:"source"`
	// EventBridge gets events of rooms and of moderation.
	EventBridge *EventBridgeConfig `koanf:"eventbridge"`
	// Webhook gets the same events.
	Webhook *EventWebhookConfig `koanf:"webhook"`
	// CloudWatch gets metrics every minute.
	CloudWatch *CloudWatchConfig `koanf:"cloudwatch"`
}

// AWSConfig says where an API of AWS is called, and as whom.
type AWSConfig struct {
	// Region is what calls are signed for. It is required.
	Region string `koanf:"region"`
	// Endpoint is the URL of the API. Default that of AWS.
	Endpoint string `koanf:"endpoint"`
	// AccessKeyID signs the calls, with the secret in a file or in an environment
	// variable. Default: what the AWS SDK finds in its usual places, in Profile if that
	// is set.
	AccessKeyID string `koanf:"access_key_id"`
	SecretFile  string `koanf:"secret_file"`
	SecretEnv   string `koanf:"secret_env"`
	Profile     string `koanf:"profile"`
}

// EventBridgeConfig is an event bus.
type EventBridgeConfig struct {
	AWSConfig `koanf:",squash"`
	// Bus is its name or ARN. Default the default bus.
	Bus string `koanf:"bus"`
}

// EventWebhookConfig is a server that takes events by HTTP.
type EventWebhookConfig struct {
	// URL is where they are posted: https, or http on this machine.
	URL string `koanf:"url"`
	// PlainHTTP allows http to other machines, where others could read and change what
	// is sent. Default off.
	PlainHTTP bool `koanf:"plain_http"`
	// The secret, in a file or in an environment variable, signs calls. A second one
	// signs them as well, while the receiver goes over from one to the other.
	SecretFile     string `koanf:"secret_file"`
	SecretEnv      string `koanf:"secret_env"`
	NextSecretFile string `koanf:"next_secret_file"`
	NextSecretEnv  string `koanf:"next_secret_env"`
	// CAFile has the certificates, PEM, that sign the server's. Default the system's.
	CAFile string `koanf:"ca_file"`
}

// CloudWatchConfig is where metrics go.
type CloudWatchConfig struct {
	AWSConfig `koanf:",squash"`
	// Namespace is what the metrics are in: not one that begins with AWS/, which is
	// Amazon's own. Default Parley/IVSChat.
	Namespace string `koanf:"namespace"`
}

const (
	defaultSource    = "parley"
	defaultNamespace = "Parley/IVSChat"
)

// Forms of names. Sources: PutEvents and PutMetricData, API reference.
var (
	sourcePattern    = regexp.MustCompile(`^[/.\-_A-Za-z0-9]{1,256}$`)
	busPattern       = regexp.MustCompile(`^[/.\-_A-Za-z0-9:]+$`)
	namespacePattern = regexp.MustCompile(`^[0-9A-Za-z.\-_/#][0-9A-Za-z.\-_/# ]{0,254}$`)
)

// Load returns the settings of the exporter. The error names every mistake.
func (c ExportsConfig) Load(path func(string) string) (export.Config, error) {
	cfg := export.Config{Source: defaultSource}
	var errs []error
	add := func(key string, mistakes []error) {
		for _, mistake := range mistakes {
			errs = append(errs, fmt.Errorf("exports: %s: %w", key, mistake))
		}
	}
	if c.Source != "" {
		cfg.Source = c.Source
	}
	if !sourcePattern.MatchString(cfg.Source) || strings.HasPrefix(cfg.Source, "aws.") {
		errs = append(errs, fmt.Errorf("exports: source must be a name of letters, digits and ./-_ "+
			"that does not begin with aws., not %q", c.Source))
	}
	if c.EventBridge != nil {
		bus, mistakes := c.EventBridge.load(path)
		cfg.EventBridge = &bus
		add("eventbridge", mistakes)
	}
	if c.Webhook != nil {
		hook, mistakes := c.Webhook.load(path)
		cfg.Webhook = &hook
		add("webhook", mistakes)
	}
	if c.CloudWatch != nil {
		to, mistakes := c.CloudWatch.load(path)
		cfg.CloudWatch = &to
		add("cloudwatch", mistakes)
	}
	return cfg, errors.Join(errs...)
}

func (c EventBridgeConfig) load(path func(string) string) (export.EventBridge, []error) {
	api, mistakes := c.AWSConfig.load(path)
	if c.Bus != "" && !busPattern.MatchString(c.Bus) {
		mistakes = append(mistakes, fmt.Errorf("bus must be the name or the ARN of an event bus, not %q",
			c.Bus))
	}
	return export.EventBridge{AWS: api, Bus: c.Bus}, mistakes
}

func (c CloudWatchConfig) load(path func(string) string) (export.CloudWatch, []error) {
	api, mistakes := c.AWSConfig.load(path)
	to := export.CloudWatch{AWS: api, Namespace: defaultNamespace}
	if c.Namespace != "" {
		to.Namespace = c.Namespace
	}
	if !namespacePattern.MatchString(to.Namespace) || strings.HasPrefix(to.Namespace, "AWS/") {
		mistakes = append(mistakes, fmt.Errorf("namespace must be a name of letters, digits and .-_/# "+
			"that does not begin with AWS/, not %q", c.Namespace))
	}
	return to, mistakes
}

func (c AWSConfig) load(path func(string) string) (export.AWS, []error) {
	same := LogDestinationConfig{Endpoint: c.Endpoint, Region: c.Region, AccessKeyID: c.AccessKeyID,
		SecretFile: c.SecretFile, SecretEnv: c.SecretEnv, Profile: c.Profile}
	mistakes := same.checkAPI("")
	if c.Region == "" {
		mistakes = append(mistakes, errors.New("region is missing"))
	}
	secret, err := same.secret(path)
	if err != nil {
		mistakes = append(mistakes, err)
	}
	return export.AWS{Region: c.Region, Endpoint: c.Endpoint, AccessKeyID: c.AccessKeyID,
		Secret: secret, Profile: c.Profile}, mistakes
}

func (c EventWebhookConfig) load(path func(string) string) (export.Webhook, []error) {
	hook := export.Webhook{URL: c.URL}
	var mistakes []error
	wrong := func(format string, args ...any) {
		mistakes = append(mistakes, fmt.Errorf(format, args...))
	}
	target, err := url.Parse(c.URL)
	switch {
	case err != nil || target.Host == "" || target.Scheme != "https" && target.Scheme != "http":
		wrong("url must be an https URL, not %q", c.URL)
	case target.Scheme == "http" && !c.PlainHTTP && !isLocal(target.Hostname()):
		wrong("url: http can be read and changed on its way to another machine; " +
			"use https, or set plain_http")
	}
	if hook.Roots, err = readRoots(c.CAFile, path); err != nil {
		wrong("ca_file: %w", err)
	}
	secret := func(prefix, file, env string) {
		text, err := readSecret(file, env, path)
		if err != nil {
			wrong("%ssecret_file, %ssecret_env: %w", prefix, prefix, err)
		}
		hook.Secrets = append(hook.Secrets, []byte(text))
	}
	secret("", c.SecretFile, c.SecretEnv)
	if c.NextSecretFile != "" || c.NextSecretEnv != "" {
		secret("next_", c.NextSecretFile, c.NextSecretEnv)
	}
	return hook, mistakes
}

// isLocal reports whether a host is this machine.
func isLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// readSecret reads a secret from a file or from an environment variable.
func readSecret(file, env string, path func(string) string) (string, error) {
	if (file == "") == (env == "") {
		return "", errors.New("want one of the two")
	}
	secret := os.Getenv(env)
	if file != "" {
		text, err := os.ReadFile(path(file))
		if err != nil {
			return "", err
		}
		secret = strings.TrimSpace(string(text))
	}
	if secret == "" {
		return "", fmt.Errorf("the secret in %s is empty", file+env)
	}
	return secret, nil
}
