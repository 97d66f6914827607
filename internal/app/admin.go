package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-chat/parley/internal/app/keyring"
)

// AdminTokenVariable holds the admin token, in place of a file, for servers and for
// commands that ask them.
const AdminTokenVariable = "PARLEY_ADMIN_TOKEN"

// adminTokenFile is the name of its file in the data folder.
const adminTokenFile = "admin-token"

// minAdminToken is the length of the shortest token, in bytes, that can be set.
const minAdminToken = 16

// adminToken is what a caller of the admin listener has to know to change or export
// things.
type adminToken struct {
	file string   // where commands on this machine find it; empty when they do not
	sum  [32]byte // SHA-256 of it
	none bool     // nothing is demanded
}

// openAdminToken reads the token that is set, or that of the data folder, where it is
// made at the first start. Where nothing is kept and none is set, none is demanded.
func (a *App) openAdminToken(cfg Config) error {
	t, err := readAdminToken(cfg, a.data)
	if err != nil {
		return fmt.Errorf("admin token: %w", err)
	}
	a.admins.Store(&t)
	return nil
}

func readAdminToken(cfg Config, d *dataDir) (t adminToken, err error) {
	text := os.Getenv(AdminTokenVariable)
	switch {
	case text != "":
	case cfg.AdminTokenFile != "":
		if t.file, err = filepath.Abs(cfg.AdminTokenFile); err == nil {
			text, err = readText(t.file)
		}
	case d.path == "":
		return adminToken{none: true}, nil
	default:
		t.file = filepath.Join(d.path, adminTokenFile)
		text, err = d.readOrCreate(adminTokenFile, rand.Text()+"\n")
	}
	if err != nil {
		return t, err
	}
	text = strings.TrimSpace(text)
	if len(text) < minAdminToken {
		return t, fmt.Errorf("%s holds %d characters, at least %d are demanded",
			cmp.Or(t.file, AdminTokenVariable), len(text), minAdminToken)
	}
	t.sum = sha256.Sum256([]byte(text))
	return t, nil
}

// allows reports whether a request has the token.
func (t adminToken) allows(r *http.Request) bool {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(text))
	return t.none ||
		strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1
}

// private serves those who have the admin token, and no web pages.
func (a *App) private(handle http.HandlerFunc) http.Handler {
	return http.NewCrossOriginProtection().Handler(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !a.admins.Load().allows(r) {
				w.Header().Set("WWW-Authenticate", "Bearer")
				http.Error(w, "this takes the admin token of the server", http.StatusUnauthorized)
				return
			}
			handle(w, r)
		}))
}

// openKeys opens the keys that tokens are sealed with, and those of callers.
func (a *App) openKeys(ctx context.Context, cfg Config) error {
	master, source, err := a.data.masterKey(cfg)
	if err != nil {
		return err
	}
	if a.tokens, err = keyring.Load(ctx, a.store, master, cfg.KeyRotation, a.log); err != nil {
		return fmt.Errorf("%w (the master key is from %s)", err, source)
	}
	if err := a.openAdminToken(cfg); err != nil {
		return err
	}
	root := &rootKey{data: a.data, store: a.store, master: master, log: a.log}
	a.keys = &identities{root: root.find}
	if err := a.keys.reload(ctx, cfg); err != nil {
		return err
	}
	return a.tokens.Start(ctx)
}
