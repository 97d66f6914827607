package app

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/control"
	"github.com/parley-chat/parley/internal/sigv4"
)

// rootAccount is the account of the key that the server makes for itself.
const rootAccount = "000000000000"

// The access key of development mode.
const (
	devKeyID  = "test"
	devSecret = "test"
)

// credentialsFile is the name, in the data folder, of the file that AWS tools read.
const credentialsFile = "credentials"

// identities knows the access keys that may sign requests.
type identities struct {
	byKey atomic.Pointer[map[string]control.Identity]
}

// loadIdentities reads the configured users, or makes the root user when no
// account is configured.
func loadIdentities(cfg Config, d *dataDir) (*identities, error) {
	ids := &identities{}
	return ids, ids.reload(cfg, d)
}

// reload replaces the identities, or returns an error and leaves them.
func (ids *identities) reload(cfg Config, d *dataDir) error {
	users, err := cfg.LoadUsers()
	if len(cfg.Accounts) == 0 {
		users, err = rootUser(d)
	}
	if err != nil {
		return err
	}
	byKey := map[string]control.Identity{}
	for _, user := range users {
		identity := control.Identity{
			Account: user.Account, Status: user.Status,
			UserName: user.Name, UserARN: user.ARN, Root: user.Root,
		}
		for _, p := range user.Policies {
			identity.Policies = append(identity.Policies, p.Document)
		}
		for _, identity.Key = range user.Keys {
			byKey[identity.Key.ID] = identity
		}
	}
	ids.byKey.Store(&byKey)
	return nil
}

// rootUser returns the user that a server has when no account is configured. Its
// access key is in the data folder, where it is made at the first start;
// development mode has a fixed one.
func rootUser(d *dataDir) ([]User, error) {
	key := sigv4.Key{ID: devKeyID, Secret: devSecret}
	if d.path != "" {
		text, err := d.readOrCreate(credentialsFile, newCredentials())
		if err != nil {
			return nil, fmt.Errorf("credentials: %w", err)
		}
		if key, err = parseCredentials(text); err != nil {
			return nil, fmt.Errorf("credentials %s: %w", filepath.Join(d.path, credentialsFile), err)
		}
	}
	return []User{{
		Account: rootAccount,
		Status:  parley.AccountActive,
		Name:    "root",
		ARN:     "arn:aws:iam::" + rootAccount + ":root",
		Keys:    []sigv4.Key{key},
		Root:    true,
	}}, nil
}

// Identity returns who signs with an access key.
func (ids *identities) Identity(accessKeyID string) (control.Identity, bool) {
	id, ok := (*ids.byKey.Load())[accessKeyID]
	return id, ok
}

// accounts returns the ids of the accounts that have users, sorted.
func (ids *identities) accounts() []string {
	var all []string
	for _, identity := range *ids.byKey.Load() {
		all = append(all, identity.Account)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// newCredentials returns a fresh root key in the form of an AWS shared credentials
// file: an id of 20 characters and a secret of 40, as AWS has them.
func newCredentials() []byte {
	var id [10]byte
	var secret [30]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	_, _ = rand.Read(secret[:])
	return fmt.Appendf(nil, "# The root access key of this server. Whoever has it may do everything.\n"+
		"[default]\naws_access_key_id = PKRT%s\naws_secret_access_key = %s\n",
		base32.StdEncoding.EncodeToString(id[:]), base64.RawURLEncoding.EncodeToString(secret[:]))
}

// parseCredentials returns the key of the profile named default.
func parseCredentials(text []byte) (sigv4.Key, error) {
	var key sigv4.Key
	section := ""
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[] ")
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		if section != "default" {
			continue
		}
		switch strings.TrimSpace(name) {
		case "aws_access_key_id":
			key.ID = strings.TrimSpace(value)
		case "aws_secret_access_key":
			key.Secret = strings.TrimSpace(value)
		}
	}
	if key.ID == "" || key.Secret == "" {
		return sigv4.Key{}, fmt.Errorf(
			"want aws_access_key_id and aws_secret_access_key under [default]")
	}
	return key, lines.Err()
}
