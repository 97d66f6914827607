package app

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/sigv4"
	"github.com/parley-chat/parley/internal/store"
)

// The access key of development mode.
const (
	devKeyID  = "test"
	devSecret = "test"
)

// credentialsFile is the name, in the data folder, of the file that AWS tools read.
// Nodes that share a store keep one that they had before as credentialsBefore.
const (
	credentialsFile   = "credentials"
	credentialsBefore = "credentials.before"
)

// rootSecret is the name of the secret that the root key of several nodes is.
const rootSecret = "root-credentials"

// rootKey finds the root key, in one of three places: development mode has a fixed
// one, a node that has its store for itself the file credentials of the data folder,
// made at the first start, and nodes that share a store a secret there. Those write it
// to their files.
type rootKey struct {
	data   *dataDir
	store  *store.Store
	master []byte
	log    *slog.Logger

	// known is the key that was in the file when it was last looked at; nil before. A
	// file of a running node that holds another was changed by a person.
	known *sigv4.Key
}

// find returns the key. It is called by one goroutine at a time.
func (r *rootKey) find(ctx context.Context) (sigv4.Key, error) {
	switch {
	case r.data.path == "":
		return sigv4.Key{ID: devKeyID, Secret: devSecret}, nil
	case r.store.Shared():
		return r.findShared(ctx)
	}
	text, err := r.data.readOrCreate(credentialsFile, newCredentials())
	if err != nil {
		return sigv4.Key{}, err
	}
	return r.parse(text)
}

// parse returns the key in the text of the file.
func (r *rootKey) parse(text string) (sigv4.Key, error) {
	key, err := parseCredentials(text)
	if err != nil {
		return key, fmt.Errorf("%s: %w", r.path(credentialsFile), err)
	}
	return key, nil
}

func (r *rootKey) path(name string) string { return filepath.Join(r.data.path, name) }

// findShared returns the key that all nodes have: the one in the file of the node that
// was the first, or that a person wrote there since, on any node.
func (r *rootKey) findShared(ctx context.Context) (sigv4.Key, error) {
	text, mine, err := r.file()
	if err != nil {
		return sigv4.Key{}, err
	}
	secret, err := r.secret(ctx, text)
	if err != nil {
		return sigv4.Key{}, err
	}
	if mine != nil && r.known != nil && *mine != *r.known {
		if secret, err = r.publish(ctx, secret.Revision, text); err != nil {
			return sigv4.Key{}, err
		}
	}
	shared, err := unwrap(r.master, rootSecret, secret.Value)
	if err != nil {
		return sigv4.Key{}, err
	}
	key, err := parseCredentials(shared)
	if err != nil {
		return sigv4.Key{}, err
	}
	if mine == nil || *mine != key {
		if err := r.overwrite(shared, mine != nil); err != nil {
			return sigv4.Key{}, err
		}
	}
	r.known = &key
	return key, nil
}

// firstKeyPause is how long a node without a key waits, at the first start of all nodes,
// for one that has a key.
const firstKeyPause = 3 * time.Second

// errNoKey says that no node has a root key so far.
var errNoKey = errors.New("there is no root key")

// secret returns the key of all nodes, wrapped. If there is none, it becomes the one in
// the file, whose text may be empty, or else a fresh one.
func (r *rootKey) secret(ctx context.Context, text string) (store.Secret, error) {
	fresh := time.NewTimer(firstKeyPause)
	defer fresh.Stop()
	again := time.NewTicker(firstKeyPause / 10)
	defer again.Stop()
	for {
		secret, err := r.store.Secret(ctx, rootSecret, func() ([]byte, error) {
			if text == "" {
				return nil, errNoKey
			}
			return wrap(r.master, rootSecret, text)
		})
		if !errors.Is(err, errNoKey) {
			return secret, err
		}
		select {
		case <-again.C:
		case <-fresh.C:
			text = newCredentials()
		case <-ctx.Done():
			return secret, ctx.Err()
		}
	}
}

// file returns the text of the file and the key in it, or nil when there is no file.
func (r *rootKey) file() (string, *sigv4.Key, error) {
	text, err := readText(r.path(credentialsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	key, err := r.parse(text)
	return text, &key, err
}

// publish makes the key in the file the one of all nodes.
func (r *rootKey) publish(ctx context.Context, revision uint64, text string) (store.Secret, error) {
	value, err := wrap(r.master, rootSecret, text)
	if err != nil {
		return store.Secret{}, err
	}
	secret, err := r.store.ReplaceSecret(ctx, rootSecret, revision, value)
	if parley.CodeOf(err) == parley.Conflict {
		return secret, errors.New("another node changed the root key at the same time: try again")
	}
	if err == nil {
		r.log.Info("the root key has changed; other nodes take it when they get SIGHUP")
	}
	return secret, err
}

// overwrite writes the key of all nodes to the file. What was there is kept.
func (r *rootKey) overwrite(text string, keep bool) error {
	if keep {
		err := os.Rename(r.path(credentialsFile), r.path(credentialsBefore))
		if err != nil {
			return err
		}
		r.log.Warn("the root key in the data folder was another than that of the other nodes, "+
			"which is in force", "kept", r.path(credentialsBefore))
	}
	return writeSynced(r.path(credentialsFile), []byte(text))
}

// wrap encrypts a text under the master key. It opens for the same purpose only.
func wrap(master []byte, purpose, text string) ([]byte, error) {
	cipher, err := wrapper(master)
	if err != nil {
		return nil, err
	}
	return cipher.Seal(nil, nil, []byte(text), []byte("parley "+purpose+" v1")), nil
}

// unwrap returns what wrap encrypted.
func unwrap(master []byte, purpose string, wrapped []byte) (string, error) {
	cipher, err := wrapper(master)
	if err != nil {
		return "", err
	}
	text, err := cipher.Open(nil, nil, wrapped, []byte("parley "+purpose+" v1"))
	if err != nil {
		return "", fmt.Errorf("the master key does not open the stored %s: "+
			"it is not the one they were encrypted under, or they were altered: %w", purpose, err)
	}
	return string(text), nil
}

func wrapper(master []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(master)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// newCredentials returns a fresh root key in the form of an AWS shared credentials
// file: an id of 20 characters and a secret of 40, as AWS has them.
func newCredentials() string {
	var id [10]byte
	var secret [30]byte
	_, _ = rand.Read(id[:]) // never fails: it ends the process instead
	_, _ = rand.Read(secret[:])
	return fmt.Sprintf("# The root access key of this server. Whoever has it may do everything.\n"+
		"[default]\naws_access_key_id = PKRT%s\naws_secret_access_key = %s\n",
		base32.StdEncoding.EncodeToString(id[:]), base64.RawURLEncoding.EncodeToString(secret[:]))
}

// parseCredentials returns the key of the profile named default.
func parseCredentials(text string) (sigv4.Key, error) {
	var key sigv4.Key
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
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
	return key, nil
}
