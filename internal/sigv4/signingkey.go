package sigv4

import "sync"

// maxSigningKeys is how many derived keys a Verifier remembers. A key in use
// needs one per region it is used in, for some minutes around midnight two, and
// one more for each day from which presigned requests still come.
const maxSigningKeys = 1024

// signingKey is what a day's requests to one region are signed with.
type signingKey [32]byte

// derivation is all that a signing key depends on, besides the service, which a
// Verifier has only one of.
type derivation struct {
	secret string
	date   string // YYYYMMDD
	region string
}

// signingKeys remembers signing keys, because deriving one takes four HMACs and
// using it only one. When full it forgets an arbitrary key to remember another.
type signingKeys struct {
	mu      sync.Mutex // guards derived
	derived map[derivation]signingKey
}

// get returns the signing key for d.
func (k *signingKeys) get(d derivation, service string) signingKey {
	k.mu.Lock()
	key, ok := k.derived[d]
	k.mu.Unlock()
	if ok {
		return key
	}
	key = d.derive(service)
	k.mu.Lock()
	defer k.mu.Unlock()
	// Another goroutine may have derived the same key meanwhile: then there is room.
	if _, ok := k.derived[d]; !ok && len(k.derived) >= maxSigningKeys {
		for old := range k.derived {
			delete(k.derived, old)
			break
		}
	}
	k.derived[d] = key
	return key
}

func (d derivation) derive(service string) signingKey {
	key := hmacSHA256([]byte("AWS4"+d.secret), []byte(d.date))
	key = hmacSHA256(key[:], []byte(d.region))
	key = hmacSHA256(key[:], []byte(service))
	return hmacSHA256(key[:], []byte(terminator))
}
