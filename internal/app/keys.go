package app

import (
	"net/http"
	"time"

	"github.com/parley-chat/parley/internal/app/keyring"
	"github.com/parley-chat/parley/internal/token"
)

// KeyReport says which keys seal and open tokens, as the admin listener serves it under
// /keys.
type KeyReport struct {
	Keys []KeyInfo `json:"keys"` // in the order of their adding
	// RotationSeconds is how long a key seals; 0 is for ever.
	RotationSeconds int64 `json:"rotation_seconds"`
	// Next is when the key that seals is due to be followed by another; nil is never.
	Next *time.Time `json:"next,omitempty"`
}

// KeyInfo is what is known of a key. Times that lie ahead are nil.
type KeyInfo struct {
	ID      string         `json:"id"`
	State   token.KeyState `json:"state"`
	Added   time.Time      `json:"added"`
	Sealing *time.Time     `json:"sealing,omitempty"` // it seals from then on
	Retired *time.Time     `json:"retired,omitempty"` // another key seals from then on
	Goes    *time.Time     `json:"goes,omitempty"`    // it opens nothing after that
}

// serveKeys answers with a KeyReport.
func (a *App) serveKeys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, describeKeys(a.tokens))
}

// rotateKeys makes another key seal, and answers with a KeyReport.
func (a *App) rotateKeys(w http.ResponseWriter, r *http.Request) {
	if err := a.tokens.Rotate(r.Context()); err != nil {
		a.log.Warn("the token keys were not rotated", "err", err)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, http.StatusOK, describeKeys(a.tokens))
}

// describeKeys returns what is known of the keys.
func describeKeys(k *keyring.Keyring) KeyReport {
	report := KeyReport{Keys: []KeyInfo{}, RotationSeconds: int64(k.Every() / time.Second)}
	for _, key := range k.Keys() {
		info := KeyInfo{ID: key.ID.String(), State: key.State(), Added: key.Added,
			Sealing: unlessZero(key.Sealing), Retired: unlessZero(key.Retired)}
		switch {
		case key.State() == token.KeyRetired:
			info.Goes = unlessZero(key.Retired.Add(token.KeepRetired))
		case key.State() == token.KeySeals && k.Every() > 0:
			report.Next = unlessZero(key.Sealing.Add(k.Every()))
		}
		report.Keys = append(report.Keys, info)
	}
	return report
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
