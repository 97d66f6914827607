package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/app/config"
)

// serveCmd runs the server. What is not given on the command line or in the
// environment comes from the configuration file, and otherwise is the default.
type serveCmd struct {
	File   string  `name:"config" env:"PARLEY_CONFIG" placeholder:"FILE" help:"Configuration file (YAML)."`
	Dev    bool    `env:"PARLEY_DEV" help:"Keep everything in memory; access key test, secret test, no quotas."`
	Listen *string `env:"PARLEY_LISTEN" placeholder:"HOST:PORT" help:"Where clients connect (127.0.0.1:8080)."`

	AdminListen *string `env:"PARLEY_ADMIN_LISTEN" placeholder:"HOST:PORT" help:"Metrics, health and profiles (127.0.0.1:8081)."`

	Data    *string        `env:"PARLEY_DATA" placeholder:"DIR" help:"Folder that holds everything (./parley-data)."`
	Quotas  *string        `env:"PARLEY_QUOTAS" placeholder:"SET" help:"Limits in force: documented, none or aws (documented)."`
	Limits  map[string]int `env:"PARLEY_LIMITS" placeholder:"NAME=N" help:"Single limits over the set; 0 is no limit."`
	Regions []string       `env:"PARLEY_REGIONS" placeholder:"REGION" help:"Regions served, each a world of its own (the seven of the original)."`
	Hosts   []string       `env:"PARLEY_HOSTS" placeholder:"NAME" help:"Further host names that clients sign, behind a proxy that changes Host."`

	CORSOrigins []string `env:"PARLEY_CORS_ORIGINS" placeholder:"ORIGIN" help:"Origins of web pages that may read answers (any)."`
	AuditLog    *string  `env:"PARLEY_AUDIT_LOG" placeholder:"FILE" help:"File that gets a line of JSON for every API call (none)."`

	LogFormat *string `env:"PARLEY_LOG_FORMAT" placeholder:"FORMAT" help:"Form of log lines on standard error: text or json (text)."`
	LogLevel  *string `env:"PARLEY_LOG_LEVEL" placeholder:"LEVEL" help:"Lowest level logged: debug, info, warn or error (info)."`

	frontFlags `embed:""`
	nodesFlags `embed:""`
	keyFlags   `embed:""`

	MaxSessions  *int `env:"PARLEY_MAX_SESSIONS" placeholder:"N" help:"Sessions taken; 0 is no limit (three quarters of the open files, or more)."`
	DrainSeconds *int `env:"PARLEY_DRAIN_SECONDS" placeholder:"N" help:"Over how long a stopping server ends its sessions (0: at once)."`

	MaxClockSkew *time.Duration `env:"PARLEY_MAX_CLOCK_SKEW" placeholder:"5m" help:"How far off a signed request's date may be, 5m to 15m (5m)."`
}

// Run serves until SIGTERM or SIGINT, and drains. A second signal cuts that short.
func (c *serveCmd) Run() error {
	// Apart, so that no reload takes the place of what ends the server. A signal that
	// comes while its channel is full is lost.
	reloads, ends := make(chan os.Signal, 1), make(chan os.Signal, 2)
	signal.Notify(reloads, syscall.SIGHUP)
	signal.Notify(ends, syscall.SIGTERM, syscall.SIGINT)
	cfg, err := c.config()
	if err != nil {
		return err
	}
	log, err := cfg.NewLog(os.Stderr)
	if err != nil {
		return err
	}
	a, err := start(cfg, log)
	if err != nil {
		if len(ends) > 0 {
			log.Info("shutting down before the server was ready", "signal", (<-ends).String())
			return nil
		}
		return err
	}
	fmt.Println("parley: ready", a.ClientURL())
	if isTerminal(os.Stdout) {
		fmt.Print(quickStart(cfg, a))
	}
	return c.untilTheEnd(a, log, reloads, ends)
}

// untilTheEnd reloads and, at the end, drains the server as signals say.
func (c *serveCmd) untilTheEnd(a *app.App, log *slog.Logger, reloads, ends <-chan os.Signal) error {
	for {
		select {
		case s := <-ends:
			log.Info("shutting down", "signal", s.String())
			return drain(a, ends)
		case <-reloads:
			if err := c.reload(a); err != nil {
				log.Error("reload", "err", err)
				continue
			}
			log.Info("reloaded")
		}
	}
}

// startTimeout is how long a start may take: longer than other nodes, or NATS, are
// waited for.
const startTimeout = 5 * time.Minute

// start starts the server, unless a signal to end comes first.
func start(cfg app.Config, log *slog.Logger) (*app.App, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return app.Start(ctx, cfg, log)
}

// reload has the server take what may change while it runs: with mistakes in the
// configuration, what that does not say.
func (c *serveCmd) reload(a *app.App) error {
	cfg, err := c.config()
	if err != nil {
		return errors.Join(err, a.Reopen())
	}
	return a.Reload(cfg)
}

// drain stops the server, and hurries at another signal.
func drain(a *app.App, ends <-chan os.Signal) error {
	ctx, hurry := context.WithCancel(context.Background())
	defer hurry()
	go func() {
		select {
		case <-ends:
			hurry()
		case <-ctx.Done():
		}
	}()
	return a.Drain(ctx)
}

// config joins the file, the environment and the command line, of which the last
// wins.
func (c *serveCmd) config() (app.Config, error) {
	cfg := config.Default()
	var mistakes error // in the file
	if c.File != "" {
		cfg, mistakes = config.Load(c.File)
	}
	if cfg.Dev = c.Dev; c.Dev {
		cfg.Quotas = parley.NoQuotas
	}
	override(&cfg.Listen, c.Listen)
	override(&cfg.AdminListen, c.AdminListen)
	override(&cfg.Data, c.Data)
	override((*string)(&cfg.Quotas), c.Quotas)
	override((*string)(&cfg.LogFormat), c.LogFormat)
	override(&cfg.LogLevel, c.LogLevel)
	override(&cfg.AuditLog, c.AuditLog)
	overrideAlso(&cfg.MaxClockSkew, c.MaxClockSkew)
	overrideAlso(&cfg.DrainSeconds, c.DrainSeconds)
	overrideAlso(&cfg.MaxSessions, c.MaxSessions)
	if c.Limits != nil {
		cfg.Limits = c.Limits
	}
	if c.Regions != nil {
		cfg.Regions = c.Regions
	}
	if c.Hosts != nil {
		cfg.Hosts = c.Hosts
	}
	if c.CORSOrigins != nil {
		cfg.CORSOrigins = c.CORSOrigins
	}
	c.frontFlags.override(&cfg)
	c.nodesFlags.override(&cfg)
	c.keyFlags.override(&cfg)
	if mistakes != nil {
		return cfg, errors.Join(mistakes, cfg.CheckNodes())
	}
	return cfg, cfg.Check()
}

// frontFlags are the flags about how clients are let in.
type frontFlags struct {
	TLSCert *string `env:"PARLEY_TLS_CERT" placeholder:"FILE" help:"Certificate and its chain (PEM), read again when it changes (none)."`
	TLSKey  *string `env:"PARLEY_TLS_KEY" placeholder:"FILE" help:"Key of the certificate (PEM)."`

	ACMEHosts      []string `env:"PARLEY_ACME_HOSTS" placeholder:"NAME" help:"Names to obtain certificates for; agrees to the authority's terms (none)."`
	ACMEEmail      *string  `env:"PARLEY_ACME_EMAIL" placeholder:"ADDRESS" help:"Where the authority may write to (none)."`
	ACMEDirectory  *string  `env:"PARLEY_ACME_DIRECTORY" placeholder:"URL" help:"The authority (Let's Encrypt)."`
	ACMEHTTPListen *string  `name:"acme-http-listen" env:"PARLEY_ACME_HTTP_LISTEN" placeholder:"HOST:PORT" help:"Where HTTP-01 challenges are answered (nowhere)."`
	ACMECAFile     *string  `name:"acme-ca-file" env:"PARLEY_ACME_CA_FILE" placeholder:"FILE" help:"Certificates that sign the authority's own (the system's)."`

	ProxyProtocol   *bool    `env:"PARLEY_PROXY_PROTOCOL" help:"Demand the PROXY protocol, from trusted proxies alone."`
	TrustedProxies  []string `env:"PARLEY_TRUSTED_PROXIES" placeholder:"CIDR" help:"Proxies that are believed about who their clients are (none)."`
	ForwardedHeader *string  `env:"PARLEY_FORWARDED_HEADER" placeholder:"NAME" help:"Where they say it: x-forwarded-for or forwarded (x-forwarded-for)."`

	HTTPConnections           *int `env:"PARLEY_HTTP_CONNECTIONS" placeholder:"N" help:"Connections that are no sessions; 0 is no limit (a quarter of the open files, at most 16384)."`
	HTTPConnectionsPerAddress *int `env:"PARLEY_HTTP_CONNECTIONS_PER_ADDRESS" placeholder:"N" help:"The same for each client address (0: no limit)."`
}

// override sets what is given.
func (f *frontFlags) override(cfg *app.Config) {
	override(&cfg.TLS.CertFile, f.TLSCert)
	override(&cfg.TLS.KeyFile, f.TLSKey)
	override(&cfg.ACME.Email, f.ACMEEmail)
	override(&cfg.ACME.Directory, f.ACMEDirectory)
	override(&cfg.ACME.HTTPListen, f.ACMEHTTPListen)
	override(&cfg.ACME.CAFile, f.ACMECAFile)
	override(&cfg.ForwardedHeader, f.ForwardedHeader)
	if f.ACMEHosts != nil {
		cfg.ACME.Hosts = f.ACMEHosts
	}
	if f.TrustedProxies != nil {
		cfg.TrustedProxies = f.TrustedProxies
	}
	overrideAlso(&cfg.ProxyProtocol, f.ProxyProtocol)
	overrideAlso(&cfg.HTTPConnections, f.HTTPConnections)
	overrideAlso(&cfg.HTTPConnectionsPerAddress, f.HTTPConnectionsPerAddress)
}

// nodesFlags are the flags about other nodes.
type nodesFlags struct {
	ClusterName      *string  `env:"PARLEY_CLUSTER_NAME" placeholder:"NAME" help:"Cluster that this node belongs to (none)."`
	ClusterListen    *string  `env:"PARLEY_CLUSTER_LISTEN" placeholder:"HOST:PORT" help:"Where other nodes connect."`
	ClusterJoin      []string `env:"PARLEY_CLUSTER_JOIN" placeholder:"HOST:PORT" help:"Addresses of all nodes of the cluster."`
	ClusterAdvertise *string  `env:"PARLEY_CLUSTER_ADVERTISE" placeholder:"HOST:PORT" help:"Where other nodes reach this one (as --cluster-listen)."`
	NodeName         *string  `env:"PARLEY_NODE_NAME" placeholder:"NAME" help:"Name of this node (made at the first start)."`

	ClusterCertFile   *string `name:"cluster-cert-file" env:"PARLEY_CLUSTER_CERT_FILE" placeholder:"FILE" help:"Certificate of this node for the others (PEM)."`
	ClusterKeyFile    *string `name:"cluster-key-file" env:"PARLEY_CLUSTER_KEY_FILE" placeholder:"FILE" help:"Key of that certificate (PEM)."`
	ClusterCAFile     *string `name:"cluster-ca-file" env:"PARLEY_CLUSTER_CA_FILE" placeholder:"FILE" help:"Authority of all nodes' certificates (PEM)."`
	ClusterSecretFile *string `name:"cluster-secret-file" env:"PARLEY_CLUSTER_SECRET_FILE" placeholder:"FILE" help:"Password that all nodes have."`
	InsecureCluster   *bool   `env:"PARLEY_INSECURE_CLUSTER" help:"Allow a cluster without certificates and password."`

	NATSURL          *string `name:"nats-url" env:"PARLEY_NATS_URL" placeholder:"URL" help:"NATS servers to use, separated by commas (an own one)."`
	NATSCredsFile    *string `name:"nats-creds-file" env:"PARLEY_NATS_CREDS_FILE" placeholder:"FILE" help:"Credentials for NATS."`
	NATSUser         *string `name:"nats-user" env:"PARLEY_NATS_USER" placeholder:"NAME" help:"User for NATS."`
	NATSPasswordFile *string `name:"nats-password-file" env:"PARLEY_NATS_PASSWORD_FILE" placeholder:"FILE" help:"Password of that user."`
	NATSCAFile       *string `name:"nats-ca-file" env:"PARLEY_NATS_CA_FILE" placeholder:"FILE" help:"Authority of the certificates of NATS (the system's)."`
	NATSCertFile     *string `name:"nats-cert-file" env:"PARLEY_NATS_CERT_FILE" placeholder:"FILE" help:"Certificate of this node for NATS (none)."`
	NATSKeyFile      *string `name:"nats-key-file" env:"PARLEY_NATS_KEY_FILE" placeholder:"FILE" help:"Key of that certificate."`
	NATSPrefix       *string `name:"nats-prefix" env:"PARLEY_NATS_PREFIX" placeholder:"WORD" help:"What the names of buckets and subjects begin with (parley)."`
	Replicas         *int    `env:"PARLEY_REPLICAS" placeholder:"N" help:"NATS servers that keep each entry, 1 to 5 (3)."`

	MasterKeyFile *string `env:"PARLEY_MASTER_KEY_FILE" placeholder:"FILE" help:"Key of the stored keys, the same on all nodes (master.key in --data)."`
}

// override sets what is given.
func (f *nodesFlags) override(cfg *app.Config) {
	override(&cfg.ClusterName, f.ClusterName)
	override(&cfg.ClusterListen, f.ClusterListen)
	override(&cfg.ClusterAdvertise, f.ClusterAdvertise)
	override(&cfg.NodeName, f.NodeName)
	override(&cfg.ClusterCertFile, f.ClusterCertFile)
	override(&cfg.ClusterKeyFile, f.ClusterKeyFile)
	override(&cfg.ClusterCAFile, f.ClusterCAFile)
	override(&cfg.ClusterSecretFile, f.ClusterSecretFile)
	override(&cfg.NATSURL, f.NATSURL)
	override(&cfg.NATSCredsFile, f.NATSCredsFile)
	override(&cfg.NATSUser, f.NATSUser)
	override(&cfg.NATSPasswordFile, f.NATSPasswordFile)
	override(&cfg.NATSCAFile, f.NATSCAFile)
	override(&cfg.NATSCertFile, f.NATSCertFile)
	override(&cfg.NATSKeyFile, f.NATSKeyFile)
	override(&cfg.NATSPrefix, f.NATSPrefix)
	override(&cfg.MasterKeyFile, f.MasterKeyFile)
	if f.ClusterJoin != nil {
		cfg.ClusterJoin = f.ClusterJoin
	}
	overrideAlso(&cfg.InsecureCluster, f.InsecureCluster)
	overrideAlso(&cfg.Replicas, f.Replicas)
}

// keyFlags are the flags about what is secret.
type keyFlags struct {
	KeyRotation    *time.Duration `env:"PARLEY_KEY_ROTATION" placeholder:"720h" help:"How long a key seals tokens before another one does; 0 is for ever (720h)."`
	AdminTokenFile *string        `env:"PARLEY_ADMIN_TOKEN_FILE" placeholder:"FILE" help:"Token that the admin listener demands for changes (admin-token in --data)."`
}

// override sets what is given.
func (f *keyFlags) override(cfg *app.Config) {
	override(&cfg.AdminTokenFile, f.AdminTokenFile)
	overrideAlso(&cfg.KeyRotation, f.KeyRotation)
}

// overrideAlso sets dst when a value is given, also to 0 or false, which is a value, or a
// mistake to report.
func overrideAlso[T any](dst, value *T) {
	if value != nil {
		*dst = *value
	}
}

// override sets dst when a value is given; an empty one, such as that of an
// empty environment variable, is none.
func override[T comparable](dst, value *T) {
	var none T
	if value != nil && *value != none {
		*dst = *value
	}
}

// quickStart tells a person at a terminal what to do next.
func quickStart(cfg app.Config, a *app.App) string {
	settings := "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(cfg.Data, "credentials")
	before := ""
	switch {
	case cfg.Dev:
		settings = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
		before = fmt.Sprintf("env %s AWS_REGION=%s AWS_ENDPOINT_URL=%s ", settings, cfg.Regions[0], a.ClientURL())
	case cfg.Data != config.Default().Data:
		before = "PARLEY_DATA=" + cfg.Data + " "
	}
	return fmt.Sprintf(`
  Console:       %[3]s/console/      A demo: %[3]s/console/demo/
  Make a room:   %[1]sparley create-room --name lobby
  Chat in it:    %[1]sparley chat --room lobby --user ann
  AWS tools:     %[2]s aws ivschat list-rooms --endpoint-url %[3]s --region %[4]s
  Look inside:   curl %[5]s/metrics      Stop: Ctrl-C
`, before, settings, a.ClientURL(), cfg.Regions[0], a.AdminURL())
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
