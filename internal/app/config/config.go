// Package config is what an operator sets: the configuration file, the defaults, what is
// wrong with either, and what the settings come to for the parts of the server. It reads
// the files that settings name, and starts nothing.
package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/control"
	"github.com/parley-chat/parley/internal/listen"
	"github.com/parley-chat/parley/internal/review"
)

// Config is what an operator sets. Each member has a key in the configuration
// file, and those but Accounts, Review, Logs, Tracing and Exports have a flag and an
// environment variable.
type Config struct {
	// Listen is where the chat and control listener accepts: host:port. Port 0
	// takes a free one. Default 127.0.0.1:8080.
	Listen string `koanf:"listen"`
	// AdminListen is where metrics, health and profiles are served: host:port.
	// Default 127.0.0.1:8081.
	AdminListen string `koanf:"admin_listen"`
	// Data is the folder that holds everything the server keeps. In a file, a
	// relative path starts at the file. Default ./parley-data.
	Data string `koanf:"data"`
	// MasterKeyFile holds the key that wraps the keys of the store, as 64 hexadecimal
	// digits. Nodes that share a store need the same. Default master.key in the data
	// folder, made at the first start.
	MasterKeyFile string `koanf:"master_key_file"`
	// KeyRotation is how long a key seals tokens before another one does, an hour at
	// least. 0 is for ever. Default 30 days.
	KeyRotation time.Duration `koanf:"key_rotation"`
	// AdminTokenFile holds the token that the admin listener demands for what changes
	// or exports things. Default admin-token in the data folder, made at the first start.
	AdminTokenFile string `koanf:"admin_token_file"`
	NodesConfig    `koanf:",squash"`
	// Quotas is the set of limits to start from. Default documented.
	Quotas parley.QuotaSet `koanf:"quotas"`
	// Limits are single numbers over the chosen set; 0 is no limit.
	Limits map[string]int `koanf:"limits"`
	// Regions are those that requests may be signed for, each a world of its own.
	// Default: the seven in which the original exists.
	Regions []string `koanf:"regions"`
	// Hosts are further names under which clients reach the server, for proxies
	// that do not pass on the Host header that was signed. Default none.
	Hosts []string `koanf:"hosts"`
	// MaxClockSkew is how far the date of a signed request may be off, 5 to 15
	// minutes. Default 5 minutes.
	MaxClockSkew time.Duration `koanf:"max_clock_skew"`
	// CORSOrigins are the origins of web pages whose scripts may read the control
	// plane's answers; "*" is any. Default any: pages sign their own requests, and
	// their origin gives them no rights.
	CORSOrigins []string `koanf:"cors_origins"`
	// AuditLog is the file that gets a line of JSON for every call of the control
	// plane. In a file, a relative path starts at the file. Default none.
	AuditLog string `koanf:"audit_log"`
	// TLS and ACME are two ways to give the chat and control listener a certificate,
	// of which one at most is used. Default neither: it speaks plain HTTP.
	TLS  TLSConfig  `koanf:"tls"`
	ACME ACMEConfig `koanf:"acme"`
	// TrustedProxies are addresses, and networks such as 10.0.0.0/8, whose word about
	// the addresses of clients is believed. Default none.
	TrustedProxies []string `koanf:"trusted_proxies"`
	// ProxyProtocol demands a header of the PROXY protocol, version 1 or 2, on every
	// connection to the chat and control listener, and refuses connections that do not
	// come from trusted proxies. Default off.
	ProxyProtocol bool `koanf:"proxy_protocol"`
	// ForwardedHeader is where trusted proxies say who sent a request: x-forwarded-for
	// or forwarded. Default x-forwarded-for.
	ForwardedHeader string `koanf:"forwarded_header"`
	// HTTPConnections is how many connections that are no sessions may be open. 0 is no
	// limit. Default a quarter of the files that the process may open, at most 16,384.
	HTTPConnections int `koanf:"http_connections"`
	// HTTPConnectionsPerAddress is how many of them may come from one client address,
	// an IPv6 one being a whole /64. Default 0, no limit: behind a proxy that is not
	// trusted, all clients have its address.
	HTTPConnectionsPerAddress int `koanf:"http_connections_per_address"`
	// MaxSessions is how many sessions the server takes, all accounts together. 0 is no
	// limit. Default the files that the process may open, but for those of the other
	// connections and 64.
	MaxSessions int `koanf:"max_sessions"`
	// LogFormat is the form of the lines on standard error: text or json. Default text.
	LogFormat LogFormat `koanf:"log_format"`
	// LogLevel is the lowest level that is logged: debug, info, warn or error. Default
	// info.
	LogLevel string `koanf:"log_level"`
	// DrainSeconds is over how long a server that is told to stop ends its sessions, 0
	// to 3,600. Default 0: all at once.
	DrainSeconds int `koanf:"drain_seconds"`
	// Review says what is behind the review handlers of rooms. Default nothing: then
	// their fallbacks decide.
	Review review.Config `koanf:"review"`
	// Logs says where chat logs go. Default: to the data folder.
	Logs LogsConfig `koanf:"logs"`
	// Tracing says which requests are traced. Default none.
	Tracing TracingConfig `koanf:"tracing"`
	// Exports say what other systems are told. Default nothing.
	Exports ExportsConfig `koanf:"exports"`
	// Accounts are those that may use the server, with their users, access keys
	// and policies. With none, the server makes a root user for itself.
	Accounts []AccountConfig `koanf:"accounts"`
	// Dir is the folder where the relative paths of the configuration file start.
	Dir string `koanf:"-"`
	// Dev keeps everything in memory, with the access key test and the secret test.
	Dev bool `koanf:"-"`
}

// Default returns the settings of a server that was told nothing.
func Default() Config {
	return Config{
		Listen:       "127.0.0.1:8080",
		AdminListen:  "127.0.0.1:8081",
		Data:         "parley-data",
		Quotas:       parley.DocumentedQuotas,
		MaxClockSkew: 5 * time.Minute,
		KeyRotation:  30 * 24 * time.Hour,
		CORSOrigins:  []string{control.AnyOrigin},

		NodesConfig:     NodesConfig{NATSPrefix: defaultNATSPrefix, Replicas: defaultReplicas},
		LogFormat:       LogText,
		LogLevel:        "info",
		ACME:            ACMEConfig{Directory: listen.LetsEncrypt},
		ForwardedHeader: string(listen.ForwardedFor),
		HTTPConnections: listen.DefaultConnections(),
		MaxSessions:     listen.DefaultSessions(),

		// Source: endpoints of IVS Chat, control plane.
		Regions: []string{"us-east-1", "us-west-2", "ap-south-1", "ap-northeast-1",
			"ap-northeast-2", "eu-central-1", "eu-west-1"},
	}
}

// Load returns the defaults with what a YAML file sets. The error names every
// mistake in the file, each on a line of its own, but for the settings about other nodes,
// which Check looks at: a part of them may be set elsewhere.
func Load(path string) (Config, error) {
	cfg := Default()
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		return cfg, fmt.Errorf("%s: %w", path, err)
	}
	mistakes := unknownKeys(k)
	mistakes = append(mistakes, flatten(k.UnmarshalWithConf("", &cfg, koanf.UnmarshalConf{
		DecoderConfig: &mapstructure.DecoderConfig{
			Result:      &cfg,
			TagName:     keyTag,
			DecodeHook:  mapstructure.StringToTimeDurationHookFunc(),
			ZeroFields:  true, // a list in the file replaces the default
			ErrorUnused: true,
		},
	}))...)
	cfg.Dir = filepath.Dir(path)
	for _, path := range append(cfg.NodesConfig.files(),
		&cfg.AuditLog, &cfg.MasterKeyFile, &cfg.AdminTokenFile,
		&cfg.TLS.CertFile, &cfg.TLS.KeyFile, &cfg.ACME.CAFile,
	) {
		if *path != "" {
			*path = cfg.Path(*path)
		}
	}
	mistakes = append(mistakes, flatten(cfg.check())...)
	mistakes = append(mistakes, cfg.checkFiles()...)
	mistakes = append(mistakes, flatten(cfg.Review.Check(cfg.Path))...)
	if _, err := cfg.Tracing.Load(cfg.Path); err != nil {
		mistakes = append(mistakes, flatten(err)...)
	}
	if _, err := cfg.Exports.Load(cfg.Path); err != nil {
		mistakes = append(mistakes, flatten(err)...)
	}
	if _, err := cfg.logMappings(); err != nil {
		mistakes = append(mistakes, flatten(err)...)
	}
	if _, err := cfg.LoadUsers(); err != nil {
		mistakes = append(mistakes, flatten(err)...)
	}
	for i, mistake := range mistakes {
		mistakes[i] = fmt.Errorf("%s: %w", path, mistake)
	}
	if k.Exists("data") {
		cfg.Data = cfg.Path(cfg.Data)
	}
	return cfg, errors.Join(mistakes...)
}

// Path returns where a path of the configuration file leads.
func (c Config) Path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Dir, p)
}

// flatten returns the single errors that err joins.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// keyTag is the struct tag that holds a member's key.
const keyTag = "koanf"

// unknownKeys takes every key that Config does not have out of a file, and returns
// an error for it, with a hint when it looks like one that Config has.
func unknownKeys(file *koanf.Koanf) []error {
	plain := func(key string) string {
		return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(key))
	}
	known := map[string]string{} // by plain form
	for _, member := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		key := member.Tag.Get(keyTag)
		if member.Anonymous {
			continue // its own members follow
		}
		known[plain(key)] = key
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(file.Raw())) {
		switch meant := known[plain(key)]; meant {
		case key:
			continue
		case "":
			errs = append(errs, fmt.Errorf("unknown key %q", key))
		default:
			errs = append(errs, fmt.Errorf("unknown key %q (did you mean %q?)", key, meant))
		}
		file.Delete(key)
	}
	return errs
}

// MasterKeyVariable holds the master key, in place of a file.
const MasterKeyVariable = "PARLEY_MASTER_KEY"

// minRotation is the shortest time between rotations that can be set.
const minRotation = time.Hour

// regionPattern is the form of a region's name that AWS tools accept.
var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d{1,2}$`)

// Check returns what is wrong with the settings, all of it.
func (c Config) Check() error { return errors.Join(c.check(), c.CheckNodes()) }

// check returns what is wrong with the settings, but for those about other nodes.
func (c Config) check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	errs = append(errs, checkAddress("listen", c.Listen), checkAddress("admin_listen", c.AdminListen),
		c.checkLog())
	if len(c.Regions) == 0 {
		wrong("regions must name at least one region")
	}
	for _, region := range c.Regions {
		if !regionPattern.MatchString(region) {
			wrong("regions: %q is not the name of a region, such as us-east-1", region)
		}
	}
	if c.MaxClockSkew < 5*time.Minute || c.MaxClockSkew > 15*time.Minute {
		wrong("max_clock_skew must be 5m to 15m, not %s", c.MaxClockSkew)
	}
	if c.KeyRotation != 0 && c.KeyRotation < minRotation {
		wrong("key_rotation must be 0 or at least %s, not %s", minRotation, c.KeyRotation)
	}
	if c.MaxSessions < 0 {
		wrong("max_sessions must not be negative")
	}
	if c.DrainSeconds < 0 || c.DrainSeconds > 3600 {
		wrong("drain_seconds must be 0 to 3600, not %d", c.DrainSeconds)
	}
	if c.Data == "" {
		wrong("data must name a folder")
	}
	if _, err := c.Quotas.Quotas(); err != nil {
		errs = append(errs, err)
	}
	known := parley.QuotaNames()
	for _, name := range slices.Sorted(maps.Keys(c.Limits)) {
		if !slices.Contains(known, parley.Quota(name)) {
			wrong("limits: unknown limit %q; there are %v", name, known)
		}
		if c.Limits[name] < 0 {
			wrong("limits: %s must not be negative", name)
		}
	}
	errs = append(errs, c.Logs.check()...)
	return errors.Join(append(errs, c.checkFront()...)...)
}

func checkAddress(key, address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("%s must be host:port, not %q", key, address)
	}
	return nil
}

// QuotasInForce returns the limits in force: the chosen set with the single numbers.
func (c Config) QuotasInForce() (parley.Quotas, error) {
	quotas, err := c.Quotas.Quotas()
	if err != nil {
		return nil, err
	}
	for name, limit := range c.Limits {
		quotas[parley.Quota(name)] = limit
	}
	return quotas, nil
}
