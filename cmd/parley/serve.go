package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
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

	MaxClockSkew *time.Duration `env:"PARLEY_MAX_CLOCK_SKEW" placeholder:"5m" help:"How far off a signed request's date may be, 5m to 15m (5m)."`
}

// Run serves until SIGTERM or SIGINT.
func (c *serveCmd) Run() error {
	start, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	cfg, err := c.config()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	a, err := app.Start(start, cfg, log)
	if err != nil {
		return err
	}
	fmt.Println("parley: ready", urlOf(a.Addr()))
	if isTerminal(os.Stdout) {
		fmt.Print(quickStart(cfg, urlOf(a.Addr()), urlOf(a.AdminAddr())))
	}
	for s := range signals {
		if s != syscall.SIGHUP {
			log.Info("shutting down", "signal", s.String())
			break
		}
		if cfg, err = c.config(); err == nil {
			err = a.Reload(cfg)
		}
		if err != nil {
			log.Error("reload", "err", err)
			continue
		}
		log.Info("reloaded")
	}
	return a.Close()
}

// config joins the file, the environment and the command line, of which the last
// wins.
func (c *serveCmd) config() (app.Config, error) {
	cfg := app.DefaultConfig()
	if c.File != "" {
		var err error
		if cfg, err = app.LoadConfig(c.File); err != nil {
			return cfg, err
		}
	}
	if cfg.Dev = c.Dev; c.Dev {
		cfg.Quotas = parley.NoQuotas
	}
	override(&cfg.Listen, c.Listen)
	override(&cfg.AdminListen, c.AdminListen)
	override(&cfg.Data, c.Data)
	override((*string)(&cfg.Quotas), c.Quotas)
	override(&cfg.AuditLog, c.AuditLog)
	override(&cfg.MaxClockSkew, c.MaxClockSkew)
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
	return cfg, cfg.Check()
}

// override sets dst when a value is given; an empty one, such as that of an
// empty environment variable, is none.
func override[T comparable](dst, value *T) {
	var none T
	if value != nil && *value != none {
		*dst = *value
	}
}

// urlOf returns where a listener of this machine is reached from this machine.
func urlOf(addr net.Addr) string {
	tcp := addr.(*net.TCPAddr) // both listeners are TCP
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}

// quickStart tells a person at a terminal what to do next.
func quickStart(cfg app.Config, url, admin string) string {
	credentials := "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(cfg.Data, "credentials")
	if cfg.Dev {
		credentials = "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
	}
	return fmt.Sprintf(`
  Make a room:   %s \
                 aws ivschat create-room --endpoint-url %s --region %s
  Chat:          ws%s with a token of aws ivschat create-chat-token
  Look inside:   curl %s/metrics      Stop: Ctrl-C
`, credentials, url, cfg.Regions[0], strings.TrimPrefix(url, "http"), admin)
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
