package app

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"

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

// loadIdentities reads the root access key from the data folder, where it is made
// at the first start. Development mode has a fixed one.
func loadIdentities(d *dataDir) (*identities, error) {
	ids := &identities{}
	return ids, ids.reload(d)
}

func (ids *identities) reload(d *dataDir) error {
	key := sigv4.Key{ID: devKeyID, Secret: devSecret}
	if d.path != "" {
		text, err := d.readOrCreate(credentialsFile, newCredentials())
		if err != nil {
			return fmt.Errorf("credentials: %w", err)
		}
		if key, err = parseCredentials(text); err != nil {
			return fmt.Errorf("credentials %s: %w", filepath.Join(d.path, credentialsFile), err)
		}
	}
	ids.byKey.Store(&map[string]control.Identity{key.ID: {
		Account: rootAccount,
		UserARN: "arn:aws:iam::" + rootAccount + ":root",
		Key:     key,
	}})
	return nil
}

// Identity returns who signs with an access key.
func (ids *identities) Identity(accessKeyID string) (control.Identity, bool) {
	id, ok := (*ids.byKey.Load())[accessKeyID]
	return id, ok
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
