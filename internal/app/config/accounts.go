package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/policy"
	"github.com/parley-chat/parley/internal/sigv4"
)

// AccountConfig is an account in the configuration file.
type AccountConfig struct {
	ID     string               `koanf:"id"`     // 12 digits
	Status parley.AccountStatus `koanf:"status"` // default active
	Users  []UserConfig         `koanf:"users"`
}

// UserConfig is a user of an account. A user without a policy may do nothing.
type UserConfig struct {
	Name       string            `koanf:"name"`
	AccessKeys []AccessKeyConfig `koanf:"access_keys"`
	// Policies are IAM policy documents: each the path of one, or the document
	// itself as an object.
	Policies []any `koanf:"policies"`
}

// AccessKeyConfig is an access key. Its secret is in a file or in an environment
// variable, never in the configuration.
type AccessKeyConfig struct {
	ID         string `koanf:"id"`
	SecretFile string `koanf:"secret_file"`
	SecretEnv  string `koanf:"secret_env"`
}

// User is someone who may call the control plane.
type User struct {
	Account  string
	Status   parley.AccountStatus
	Name     string // "root" when the server made it
	ARN      string
	Keys     []sigv4.Key
	Policies []Policy
	Root     bool // may do everything
}

// Policy is a policy document of a user, and where it is from: a path, or its
// place in the configuration.
type Policy struct {
	Source   string
	Document *policy.Document
}

// userNamePattern is the form of an IAM user's name.
var userNamePattern = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

// keyIDPattern is the form of an access key's id. AWS documents 16 to 128 word
// characters; shorter ones do no harm.
var keyIDPattern = regexp.MustCompile(`^\w{1,128}$`)

// LoadUsers returns the configured users with their secrets and policies. The
// error names every mistake.
func (c Config) LoadUsers() ([]User, error) {
	l := loader{path: c.Path, seen: map[string]string{}}
	for i, account := range c.Accounts {
		l.account(fmt.Sprintf("accounts[%d]", i), account)
	}
	return l.users, errors.Join(l.errs...)
}

// loader collects users, and what is wrong with them.
type loader struct {
	path  func(string) string // where a path of the configuration leads
	seen  map[string]string   // what must be unique, and where it was
	users []User
	errs  []error
}

func (l *loader) wrong(at, format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf("%s: "+format, append([]any{at}, args...)...))
}

// unique notes that something is named at a place, and that it was named before.
func (l *loader) unique(at, what string) {
	if first, ok := l.seen[what]; ok {
		l.wrong(at, "%s is at %s already", what, first)
		return
	}
	l.seen[what] = at
}

func (l *loader) account(at string, c AccountConfig) {
	if !parley.ValidAccount(c.ID) {
		l.wrong(at, "id must be 12 digits in quotes, not %q", c.ID)
	}
	l.unique(at, "account "+c.ID)
	switch c.Status {
	case "":
		c.Status = parley.AccountActive
	case parley.AccountActive, parley.AccountPending, parley.AccountSuspended:
	default:
		l.wrong(at, "status must be %s, %s or %s, not %q", parley.AccountActive,
			parley.AccountPending, parley.AccountSuspended, string(c.Status))
	}
	for i, user := range c.Users {
		l.user(fmt.Sprintf("%s.users[%d]", at, i), c, user)
	}
}

func (l *loader) user(at string, account AccountConfig, c UserConfig) {
	if !userNamePattern.MatchString(c.Name) {
		l.wrong(at, "name must be 1 to 64 letters, digits or any of _+=,.@-, not %q", c.Name)
	}
	l.unique(at, "user "+c.Name+" of account "+account.ID)
	user := User{
		Account: account.ID,
		Status:  account.Status,
		Name:    c.Name,
		ARN:     "arn:aws:iam::" + account.ID + ":user/" + c.Name,
	}
	for i, key := range c.AccessKeys {
		user.Keys = append(user.Keys, l.key(fmt.Sprintf("%s.access_keys[%d]", at, i), key))
	}
	for i, p := range c.Policies {
		user.Policies = append(user.Policies, l.policy(fmt.Sprintf("%s.policies[%d]", at, i), p))
	}
	l.users = append(l.users, user)
}

func (l *loader) key(at string, c AccessKeyConfig) sigv4.Key {
	if !keyIDPattern.MatchString(c.ID) {
		l.wrong(at, "id must be letters and digits, not %q", c.ID)
	}
	l.unique(at, "access key "+c.ID)
	key := sigv4.Key{ID: c.ID}
	switch {
	case (c.SecretFile == "") == (c.SecretEnv == ""):
		l.wrong(at, "want either secret_file or secret_env")
		return key
	case c.SecretEnv != "":
		key.Secret = os.Getenv(c.SecretEnv)
	default:
		text, err := os.ReadFile(l.path(c.SecretFile))
		if err != nil {
			l.wrong(at, "secret_file: %w", err)
			return key
		}
		key.Secret = strings.TrimSpace(string(text))
	}
	if key.Secret == "" {
		l.wrong(at, "the secret in %s is empty", c.SecretFile+c.SecretEnv)
	}
	return key
}

func (l *loader) policy(at string, c any) Policy {
	p := Policy{Source: at}
	text, err := l.policyText(&p, c)
	if err == nil {
		p.Document, err = policy.Parse(text)
	}
	if err != nil {
		for _, mistake := range flatten(err) {
			l.wrong(p.Source, "%w", mistake)
		}
	}
	return p
}

// policyText returns the JSON of a policy, and sets its source if it is a file.
func (l *loader) policyText(p *Policy, c any) ([]byte, error) {
	switch c := c.(type) {
	case string:
		p.Source = c
		return os.ReadFile(l.path(c))
	case map[string]any:
		if version, ok := c["Version"].(time.Time); ok { // which has the form of a date
			c = maps.Clone(c)
			c["Version"] = version.Format(time.DateOnly)
		}
		if err := asWritten("the policy", c); err != nil {
			return nil, err
		}
		return json.Marshal(c)
	}
	return nil, fmt.Errorf("want the path of a policy document, or the document itself")
}

// asWritten returns an error for each value of a policy that is not there any more as it
// was written, of which conditions compare the text: YAML has read 2026-01-01 as a time,
// and 0123 and 1.0 as numbers.
func asWritten(at string, value any) error {
	var errs []error
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			errs = append(errs, asWritten(at+"."+name, value[name]))
		}
	case []any:
		for i, element := range value {
			errs = append(errs, asWritten(fmt.Sprintf("%s[%d]", at, i), element))
		}
	case nil, bool, string:
	default:
		errs = append(errs, fmt.Errorf("%s: put the number or date in quotes", at))
	}
	return errors.Join(errs...)
}
