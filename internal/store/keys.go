package store

import (
	"fmt"
	"strings"

	"github.com/parley-chat/parley"
)

// resourceKey returns the name of a resource inside keys and subjects. The error
// has code Invalid when arn is not that of a resource of the kind, or when a part
// of it would mean something to NATS: dots, wildcards and spaces do.
func resourceKey(kind parley.Kind, arn parley.ARN) (string, error) {
	key := arn.Region + "." + arn.Account + "." + arn.ID
	if arn.Kind != kind || len(key) > parley.MaxARNLen ||
		!plain(arn.Region) || !plain(arn.Account) || !plain(arn.ID) {
		return "", parley.Errorf(parley.Invalid, "not the ARN of a %s: %q", noun(kind), arn)
	}
	return key, nil
}

// noun returns what messages call a resource of a kind. Its plural ends in s.
func noun(kind parley.Kind) string { return strings.ReplaceAll(string(kind), "-", " ") }

// plain reports whether s is one or more ASCII letters, digits and hyphens.
func plain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}

// parseKey returns the ARN that resourceKey made into key.
func parseKey(kind parley.Kind, key string) (parley.ARN, error) {
	parts := strings.Split(key, ".")
	if len(parts) != 3 {
		return parley.ARN{}, fmt.Errorf("key %q has %d parts, want 3", key, len(parts))
	}
	arn := parley.ARN{Region: parts[0], Account: parts[1], Kind: kind, ID: parts[2]}
	_, err := resourceKey(kind, arn)
	return arn, err
}
