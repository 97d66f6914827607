package app

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app/config"
	"github.com/parley-chat/parley/internal/control"
	"github.com/parley-chat/parley/internal/sigv4"
)

// rootAccount is the account of the key that the server makes for itself.
const rootAccount = "000000000000"

// identities knows the access keys that may sign requests.
type identities struct {
	root  func(context.Context) (sigv4.Key, error) // where no account is configured
	byKey atomic.Pointer[map[string]control.Identity]
}

// reload replaces the identities by the configured users, or by the root user when no
// account is configured. It returns an error and leaves them when that fails.
func (ids *identities) reload(ctx context.Context, cfg Config) error {
	users, err := cfg.LoadUsers()
	if len(cfg.Accounts) == 0 {
		users, err = ids.rootUser(ctx)
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

// identityTimeout bounds how long the root key may take to be found.
const identityTimeout = 15 * time.Second

// reloadIdentities reads the identities anew.
func (a *App) reloadIdentities(cfg Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), identityTimeout)
	defer cancel()
	return a.keys.reload(ctx, cfg)
}

// rootUser returns the user that a server has when no account is configured.
func (ids *identities) rootUser(ctx context.Context) ([]config.User, error) {
	key, err := ids.root(ctx)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return []config.User{{
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
