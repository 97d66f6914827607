// Package keyring keeps the keys that tokens are sealed with: it loads them from the store,
// rotates them, and sees to it that every node has a key before it seals. What a key does
// is left to package token.
package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/token"
)

// tokenKeys is the name of the secret that the token keys are, and of the questions
// about them.
const tokenKeys = "token-keys"

// Times of token keys.
const (
	keyPoll      = 10 * time.Second       // how often a node looks for changes by others
	catchUpPause = 250 * time.Millisecond // at least, between reads for keys that are not known
	catchUpTime  = 2 * time.Second        // of such a read
	keyTimeout   = 5 * time.Second        // of any other
	spreadTime   = 10 * time.Second       // for all nodes to have a new key
	rotateTime   = 30 * time.Second       // of a rotation in all
	rotatePause  = 10 * time.Minute       // after one that failed
	abandonedKey = time.Minute            // a new key of that age is nobody's work any more
)

// maxKeyChanges is how often a change of the keys is tried when other nodes change
// them at the same time.
const maxKeyChanges = 10

// Keyring seals and opens tokens with the newest keys that this node knows. Between
// nodes that share their keys, a new key is given to all of them before it seals.
type Keyring struct {
	log    *slog.Logger
	store  *store.Store
	master []byte
	every  time.Duration // from one rotation to the next; 0 is never

	stop    func() // ends what Start began; nil before
	running sync.WaitGroup

	current atomic.Pointer[heldKeys] // sealing and opening take no lock

	taking   sync.Mutex // held while current is replaced
	rotating sync.Mutex // held during a rotation by this node

	catching sync.Mutex // guards what follows, and is held while the keys are read
	caughtUp time.Time  // when the last read for a key that was not known began
	caughtBy error      // what it returned
}

// heldKeys are the keys as one revision of the secret has them.
type heldKeys struct {
	*token.Sealer
	keys     *token.Keys
	revision uint64
}

// Load loads the keys that the store has. The first node to ask makes them.
func Load(ctx context.Context, s *store.Store, master []byte, every time.Duration,
	log *slog.Logger) (*Keyring, error) {
	k := &Keyring{log: log, store: s, master: master, every: every}
	secret, err := s.Secret(ctx, tokenKeys, func() ([]byte, error) {
		keys, err := token.NewKeys(time.Now())
		if err != nil {
			return nil, err
		}
		return keys.Encrypt(master)
	})
	if err != nil {
		return nil, fmt.Errorf("load token keys: %w", err)
	}
	if err := k.take(secret); err != nil {
		return nil, fmt.Errorf("open token keys: %w", err)
	}
	return k, nil
}

// Seal implements control.Sealer.
func (k *Keyring) Seal(t parley.Token) (string, error) { return k.current.Load().Seal(t) }

// Open implements messaging.Opener. A token of a key that is not known may be of one
// that another node has heard of first: then the keys are read anew. The error has
// code Unavailable when they cannot be.
func (k *Keyring) Open(sealed string, now time.Time) (parley.Token, error) {
	held := k.current.Load()
	t, err := held.Open(sealed, now)
	if err == nil || !k.store.Shared() || !held.Foreign(sealed) {
		return t, err
	}
	if err := k.catchUp(); err != nil {
		return parley.Token{}, err
	}
	return k.current.Load().Open(sealed, now)
}

// catchUp returns when the keys were read anew after it was called. Callers share
// reads, which lie a pause apart: whoever makes up ids of keys costs the store little.
func (k *Keyring) catchUp() error {
	called := time.Now()
	k.catching.Lock()
	defer k.catching.Unlock()
	if k.caughtUp.After(called) {
		return k.caughtBy
	}
	<-time.After(time.Until(k.caughtUp.Add(catchUpPause)))
	ctx, cancel := context.WithTimeout(context.Background(), catchUpTime)
	defer cancel()
	k.caughtUp = time.Now()
	k.caughtBy = k.refresh(ctx)
	return k.caughtBy
}

// take takes in the keys as they are stored, unless newer ones are known.
func (k *Keyring) take(secret store.Secret) error {
	k.taking.Lock()
	defer k.taking.Unlock()
	if held := k.current.Load(); held != nil && held.revision >= secret.Revision {
		return nil
	}
	keys, err := token.Decrypt(secret.Value, k.master, secret.Saved)
	if err != nil {
		return err
	}
	sealer, err := token.NewSealer(keys)
	if err != nil {
		return err
	}
	k.current.Store(&heldKeys{sealer, keys, secret.Revision})
	return nil
}

// refresh takes in the newest keys.
func (k *Keyring) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	secret, err := k.store.Secret(ctx, tokenKeys, func() ([]byte, error) {
		return nil, errors.New("they are gone")
	})
	if err != nil {
		return fmt.Errorf("load token keys: %w", err)
	}
	return k.take(secret)
}

// Keys returns the keys that this node knows, in the order of their adding.
func (k *Keyring) Keys() []token.Key { return k.current.Load().keys.List() }

// Every returns how long a key seals; 0 is for ever.
func (k *Keyring) Every() time.Duration { return k.every }

// errAsTheyAre is what a change of the keys returns when there is nothing to do.
var errAsTheyAre = errors.New("the keys are as they should be")

// change stores what do makes of the newest keys. It does it again when another node
// was faster.
func (k *Keyring) change(ctx context.Context, do func(*token.Keys) (*token.Keys, error)) error {
	for range maxKeyChanges {
		if err := k.refresh(ctx); err != nil {
			return err
		}
		held := k.current.Load()
		keys, err := do(held.keys)
		if errors.Is(err, errAsTheyAre) {
			return nil
		}
		if err != nil {
			return err
		}
		stored, err := keys.Encrypt(k.master)
		if err != nil {
			return err
		}
		secret, err := k.store.ReplaceSecret(ctx, tokenKeys, held.revision, stored)
		if parley.CodeOf(err) == parley.Conflict {
			continue
		}
		if err != nil {
			return err
		}
		return k.take(secret)
	}
	return fmt.Errorf("other nodes changed the token keys %d times in a row", maxKeyChanges)
}

// Rotate makes another key seal: a fresh one, or the one that a rotation before left
// behind. When not all nodes have it in time, the keys are as they were, and the error
// says which nodes have not. It takes a keyring that has started: nodes ask themselves,
// too.
func (k *Keyring) Rotate(ctx context.Context) error {
	k.rotating.Lock()
	defer k.rotating.Unlock()
	ctx, cancel := context.WithTimeout(ctx, rotateTime)
	defer cancel()
	id, err := k.introduce(ctx)
	if err != nil {
		return fmt.Errorf("make a token key: %w", err)
	}
	if err := k.spread(ctx, id); err != nil {
		return errors.Join(err, k.withdraw(context.WithoutCancel(ctx), id))
	}
	if err := k.promote(ctx, id); err != nil {
		return fmt.Errorf("have the token key %s seal: %w", id, err)
	}
	k.log.Info("another key seals tokens", "key", id.String())
	if k.store.Shared() {
		// The others hear of it now, or else a little later.
		_ = k.spread(ctx, id)
	}
	return nil
}

// introduce returns the key that is new, and makes one if there is none.
func (k *Keyring) introduce(ctx context.Context) (id token.KeyID, err error) {
	err = k.change(ctx, func(keys *token.Keys) (*token.Keys, error) {
		if key, ok := keys.InState(token.KeyNew); ok {
			id = key.ID
			return nil, errAsTheyAre
		}
		keys, err := keys.Prune(time.Now())
		if err != nil {
			return nil, err
		}
		keys, id, err = keys.Add(time.Now())
		return keys, err
	})
	return id, err
}

// keyReport is a node's answer to a question about keys.
type keyReport struct {
	Node string        `json:"node"`
	Keys []token.KeyID `json:"keys"`
}

// report brings the keys up to date and says which they are.
func (k *Keyring) report(ctx context.Context) []byte {
	if err := k.refresh(ctx); err != nil {
		k.log.Warn("the token keys may not be up to date", "err", err)
	}
	report := keyReport{Node: k.store.Node()}
	for _, key := range k.Keys() {
		report.Keys = append(report.Keys, key.ID)
	}
	text, err := json.Marshal(report)
	if err != nil {
		panic(err) // numbers and a text
	}
	return text
}

// spread returns when all live nodes have the key.
func (k *Keyring) spread(ctx context.Context, id token.KeyID) error {
	ctx, cancel := context.WithTimeout(ctx, spreadTime)
	defer cancel()
	have := map[string]bool{k.store.Node(): true}
	err := k.store.Ask(ctx, tokenKeys, nil, func(answer []byte) bool {
		var report keyReport
		if json.Unmarshal(answer, &report) == nil && slices.Contains(report.Keys, id) {
			have[report.Node] = true
		}
		return len(k.without(have)) == 0
	})
	if missing := k.without(have); err != nil && len(missing) > 0 {
		return fmt.Errorf("the new token key was withdrawn: it did not reach %s within %s",
			strings.Join(missing, ", "), spreadTime)
	}
	return err
}

// without returns the live nodes that are not among those given.
func (k *Keyring) without(have map[string]bool) []string {
	return slices.DeleteFunc(k.store.Live(), func(node string) bool { return have[node] })
}

// withdraw takes a new key back.
func (k *Keyring) withdraw(ctx context.Context, id token.KeyID) error {
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	err := k.change(ctx, func(keys *token.Keys) (*token.Keys, error) {
		if key, ok := keys.InState(token.KeyNew); !ok || key.ID != id {
			return nil, errAsTheyAre
		}
		return keys.Remove(id)
	})
	if err != nil {
		return fmt.Errorf("the token key %s is new still: %w", id, err)
	}
	return nil
}

// promote has a new key seal. Another node may have done it.
func (k *Keyring) promote(ctx context.Context, id token.KeyID) error {
	return k.change(ctx, func(keys *token.Keys) (*token.Keys, error) {
		if key, ok := keys.InState(token.KeySeals); ok && key.ID == id {
			return nil, errAsTheyAre
		}
		if key, ok := keys.InState(token.KeyNew); !ok || key.ID != id {
			return nil, errors.New("another node has withdrawn it")
		}
		return keys.Promote(id, time.Now())
	})
}

// Start keeps the keys up to date, drops those that open nothing any more, and rotates
// on schedule, until Close. ctx bounds the start alone.
func (k *Keyring) Start(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unanswer, err := k.store.Answer(tokenKeys, func([]byte) []byte { return k.report(run) })
	if err != nil {
		cancel()
		return err
	}
	k.stop = func() { cancel(); unanswer() }
	k.running.Go(func() { k.run(run) })
	return nil
}

// Close ends what Start began, and waits for it. A nil keyring has nothing to end.
func (k *Keyring) Close() {
	if k == nil || k.stop == nil {
		return
	}
	k.stop()
	k.running.Wait()
}

func (k *Keyring) run(ctx context.Context) {
	ticker := time.NewTicker(keyPoll)
	defer ticker.Stop()
	failed := time.Time{}
	for {
		if err := k.upkeep(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("the token keys may not be up to date", "err", err)
		}
		if now := time.Now(); k.due(now) && now.Sub(failed) >= rotatePause {
			if err := k.Rotate(ctx); err != nil && ctx.Err() == nil {
				failed = now
				k.log.Warn("the token keys were not rotated", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// upkeep takes in what other nodes did, and drops keys that can open nothing.
func (k *Keyring) upkeep(ctx context.Context) error {
	if k.store.Shared() {
		if err := k.refresh(ctx); err != nil {
			return err
		}
	}
	prune := func(keys *token.Keys) (*token.Keys, error) {
		pruned, err := keys.Prune(time.Now())
		if pruned == keys {
			return nil, errAsTheyAre
		}
		return pruned, err
	}
	if _, err := prune(k.current.Load().keys); errors.Is(err, errAsTheyAre) {
		return nil
	}
	return k.change(ctx, prune)
}

// due reports whether this node should rotate the keys now. The first of the live
// nodes does; if two think that they are, each helps the other.
func (k *Keyring) due(now time.Time) bool {
	if slices.Min(k.store.Live()) != k.store.Node() {
		return false
	}
	keys := k.current.Load().keys
	if key, ok := keys.InState(token.KeyNew); ok && now.Sub(key.Added) >= abandonedKey {
		return true // of a rotation that did not end
	}
	key, ok := keys.InState(token.KeySeals)
	return ok && k.every > 0 && now.Sub(key.Sealing) >= k.every
}
