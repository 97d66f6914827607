package sigv4

import (
	"fmt"
	"sync"
	"testing"
)

func keyOf(i int) derivation {
	return derivation{secret: fmt.Sprint("secret ", i), date: "20261122", region: "us-west-2"}
}

func TestSigningKeysForgetOneWhenFull(t *testing.T) {
	keys := signingKeys{derived: make(map[derivation]signingKey)}
	for i := range maxSigningKeys {
		keys.get(keyOf(i), "ivschat")
	}
	if got := len(keys.derived); got != maxSigningKeys {
		t.Fatalf("after %d keys: %d remembered, want all", maxSigningKeys, got)
	}
	keys.get(keyOf(maxSigningKeys), "ivschat")
	if got := len(keys.derived); got != maxSigningKeys {
		t.Errorf("after one more: %d remembered, want %d", got, maxSigningKeys)
	}
	if _, ok := keys.derived[keyOf(maxSigningKeys)]; !ok {
		t.Errorf("the last key is not remembered")
	}
	keys.get(keyOf(maxSigningKeys), "ivschat")
	if got := len(keys.derived); got != maxSigningKeys {
		t.Errorf("after the same again: %d remembered, want %d", got, maxSigningKeys)
	}
}

// Each part of a derivation matters, whether the key is remembered or not.
func TestSigningKeysDiffer(t *testing.T) {
	keys := signingKeys{derived: make(map[derivation]signingKey)}
	seen := make(map[signingKey]derivation)
	for _, d := range []derivation{
		{"a", "20261122", "us-west-2"},
		{"b", "20261122", "us-west-2"},
		{"a", "20261123", "us-west-2"},
		{"a", "20261122", "us-east-1"},
	} {
		first, second := keys.get(d, "ivschat"), keys.get(d, "ivschat")
		if first != second {
			t.Errorf("%v: derived %x, then remembered %x", d, first, second)
		}
		if other, ok := seen[first]; ok {
			t.Errorf("%v and %v have the same signing key", d, other)
		}
		seen[first] = d
	}
}

func TestSigningKeysFromManyGoroutines(t *testing.T) {
	keys := signingKeys{derived: make(map[derivation]signingKey)}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range maxSigningKeys + 100 {
				d := keyOf(i)
				if got, want := keys.get(d, "ivschat"), d.derive("ivschat"); got != want {
					t.Errorf("%v: got %x, want %x", d, got, want)
				}
			}
		})
	}
	wg.Wait()
	if got := len(keys.derived); got != maxSigningKeys {
		t.Errorf("%d remembered, want %d", got, maxSigningKeys)
	}
}
