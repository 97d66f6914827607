package review

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// Limits and defaults of the configuration.
const (
	defaultTimeout = 200 * time.Millisecond // the original's; source: service quotas
	minTimeout     = 10 * time.Millisecond
	maxTimeout     = 10 * time.Second

	defaultConcurrency = 64
	maxConcurrency     = 1000

	maxPatternLen = 256 // bytes
)

// Config says which review handlers there are. The zero value has none, so that
// fallbacks decide.
type Config struct {
	// Timeout is how long a review may take, from when a message is handed over until
	// the whole answer is read: 10ms to 10s. Default 200ms.
	Timeout time.Duration `koanf:"timeout"`
	// Strict has CreateRoom and UpdateRoom refuse handlers that no target is for.
	Strict bool `koanf:"strict"`
	// AWS has functions that no target is for invoked at AWS, in the region that their
	// ARN names, with the settings and credentials that AWS tools have. Default off: they
	// cannot be invoked, and no credentials are looked for.
	AWS bool `koanf:"aws"`
	// Targets say where functions are. The first whose pattern matches a function's ARN
	// is the function's.
	Targets []TargetConfig `koanf:"targets"`
}

// TargetConfig says where the functions are whose ARNs match a pattern: exactly one of
// the last four members is set.
type TargetConfig struct {
	// ARN is the pattern, in which * is any text and ? any character.
	ARN string `koanf:"arn"`
	// Concurrency is how many messages may be under review there at once, 1 to 1,000;
	// more wait, within their time. Default 64, but 1 for an emulator. Rules have none.
	Concurrency int `koanf:"concurrency"`

	Lambda   *LambdaConfig   `koanf:"lambda"`
	Emulator *EmulatorConfig `koanf:"emulator"`
	Webhook  *WebhookConfig  `koanf:"webhook"`
	Rules    *RulesConfig    `koanf:"rules"`
}

// SecretConfig says where a secret is: in a file, whose relative path starts at the
// configuration file, or in an environment variable.
type SecretConfig struct {
	SecretFile string `koanf:"secret_file"`
	SecretEnv  string `koanf:"secret_env"`
}

// TLSConfig is about connections that use TLS. Its files are PEM; their relative paths
// start at the configuration file.
type TLSConfig struct {
	CAFile   string `koanf:"ca_file"`   // certificates that sign the server's; default the system's
	CertFile string `koanf:"cert_file"` // certificate to show to the server; default none
	KeyFile  string `koanf:"key_file"`  // its key
}

// location is the place of a setting in the configuration, and collects what is wrong
// there.
type location struct {
	path string
	file func(string) string // where a path of the configuration leads
	errs *[]error
}

func (l location) at(format string, args ...any) location {
	l.path += fmt.Sprintf(format, args...)
	return l
}

func (l location) wrong(format string, args ...any) {
	*l.errs = append(*l.errs, fmt.Errorf("%s: "+format, append([]any{l.path}, args...)...))
}

// read returns what a file holds.
func (l location) read(key, path string) []byte {
	text, err := os.ReadFile(l.file(path))
	if err != nil {
		l.wrong("%s: %w", key, err)
	}
	return text
}

// secret returns the secret that c names, which prefix says in the names of its keys.
func (l location) secret(prefix string, c SecretConfig) string {
	var secret string
	switch {
	case (c.SecretFile == "") == (c.SecretEnv == ""):
		l.wrong("want either %ssecret_file or %ssecret_env", prefix, prefix)
		return ""
	case c.SecretEnv != "":
		secret = os.Getenv(c.SecretEnv)
	default:
		before := len(*l.errs)
		secret = strings.TrimSpace(string(l.read(prefix+"secret_file", c.SecretFile)))
		if len(*l.errs) > before {
			return ""
		}
	}
	if secret == "" {
		l.wrong("the secret in %s is empty", c.SecretFile+c.SecretEnv)
	}
	return secret
}

// Check returns everything that is wrong with the configuration, each mistake an error
// of its own. The function file says where a path of it leads.
func (c Config) Check(file func(string) string) error {
	t, err := c.load(file)
	if err == nil {
		t.discard()
	}
	return err
}

// load makes the targets, without starting anything.
func (c Config) load(file func(string) string) (*table, error) {
	var errs []error
	l := location{path: "review", file: file, errs: &errs}
	t := &table{timeout: c.Timeout, strict: c.Strict, closed: make(chan struct{})}
	if t.timeout == 0 {
		t.timeout = defaultTimeout
	}
	if t.timeout < minTimeout || t.timeout > maxTimeout {
		l.wrong("timeout must be %s to %s, not %s", minTimeout, maxTimeout, t.timeout)
	}
	seen := map[string]int{}
	for i, target := range c.Targets {
		at := l.at(".targets[%d]", i)
		if first, ok := seen[target.ARN]; ok {
			at.wrong("arn %s is that of targets[%d] already", target.ARN, first)
		}
		seen[target.ARN] = i
		t.targets = append(t.targets, target.load(at))
	}
	if c.AWS {
		aws := LambdaConfig{}.load(l.at(".aws"), defaultConcurrency)
		t.targets = append(t.targets, &target{name: awsName, pattern: regexp.MustCompile(""),
			remote: newRemote(awsName, aws, defaultConcurrency, false)})
	}
	if len(errs) > 0 {
		t.discard()
		return nil, errors.Join(errs...)
	}
	return t, nil
}

// awsName stands for functions at AWS in metrics.
const awsName = "aws"

// load makes a target.
func (c TargetConfig) load(l location) *target {
	t := &target{name: c.ARN, pattern: c.pattern(l)}
	workers := c.workers(l)
	switch {
	case c.Lambda != nil:
		t.remote = newRemote(c.ARN, c.Lambda.load(l.at(".lambda"), workers), workers, false)
	case c.Emulator != nil:
		t.remote = newRemote(c.ARN, c.Emulator.load(l.at(".emulator"), workers), workers, true)
	case c.Webhook != nil:
		t.remote = newRemote(c.ARN, c.Webhook.load(l.at(".webhook"), workers), workers, false)
	case c.Rules != nil:
		t.rules = c.Rules.load(l.at(".rules"))
	}
	kinds := 0
	for _, set := range []bool{c.Lambda != nil, c.Emulator != nil, c.Webhook != nil, c.Rules != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		l.wrong("want one of lambda, emulator, webhook and rules, not %d of them", kinds)
	}
	return t
}

// workers returns how many messages may be under review at the target at once.
func (c TargetConfig) workers(l location) int {
	switch n := c.Concurrency; {
	case n < 0 || n > maxConcurrency:
		l.wrong("concurrency must be 1 to %d, not %d", maxConcurrency, n)
		return 1
	case n > 0 && c.Rules != nil:
		l.wrong("rules have no concurrency")
		return 1
	case n > 0:
		return n
	case c.Emulator != nil:
		return 1
	}
	return defaultConcurrency
}

// pattern returns the pattern of the target's ARNs.
func (c TargetConfig) pattern(l location) *regexp.Regexp {
	switch {
	case c.ARN == "":
		l.wrong("arn is missing: want the ARN of a function, or a pattern such as " +
			"arn:aws:lambda:us-east-1:*:function:moderate*")
	case len(c.ARN) > maxPatternLen:
		l.wrong("arn must have at most %d characters", maxPatternLen)
	case !strings.HasPrefix(c.ARN, "arn:aws:lambda:") && c.ARN != "*":
		l.wrong("arn must begin with arn:aws:lambda:, or be *, not %q", c.ARN)
	}
	quoted := regexp.QuoteMeta(c.ARN)
	quoted = strings.ReplaceAll(strings.ReplaceAll(quoted, `\*`, `.*`), `\?`, `.`)
	return regexp.MustCompile(`(?s)^` + quoted + `$`)
}
