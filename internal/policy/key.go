package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// key is a condition key: something that a policy may ask about a request.
type key struct {
	kind keyKind
	tag  string // the tag key, with keyRequestTag and keyResourceTag
}

type keyKind int

// The kinds of condition keys. Requests have no value for an unknown one: AWS has
// many that make no sense here, and policies that name them are still good.
const (
	keyUnknown keyKind = iota
	keyUserName
	keyUserARN
	keyAccount
	keyRegion
	keySourceIP
	keySecure
	keyCurrentTime
	keyEpochTime
	keyRequestTag
	keyResourceTag
	keyTagKeys // the only one that can have several values
)

// keyKinds has the condition keys by name, in lower case: names match in any case.
var keyKinds = map[string]keyKind{
	"aws:username":         keyUserName,
	"aws:principalarn":     keyUserARN,
	"aws:principalaccount": keyAccount,
	"aws:requestedregion":  keyRegion,
	"aws:sourceip":         keySourceIP,
	"aws:securetransport":  keySecure,
	"aws:currenttime":      keyCurrentTime,
	"aws:epochtime":        keyEpochTime,
	"aws:tagkeys":          keyTagKeys,
}

// tagKeyKinds has those whose names continue with a slash and a tag key.
var tagKeyKinds = map[string]keyKind{
	"aws:requesttag":  keyRequestTag,
	"aws:resourcetag": keyResourceTag,
}

// newKey reads the name of a condition key.
func newKey(name string) (key, error) {
	if prefix, rest, found := strings.Cut(name, ":"); !found || prefix == "" || rest == "" {
		return key{}, fmt.Errorf(`condition key %q must begin with a prefix such as "aws:"`, name)
	}
	family, tag, _ := strings.Cut(name, "/")
	if kind := tagKeyKinds[strings.ToLower(family)]; kind != keyUnknown {
		if tag == "" {
			return key{}, fmt.Errorf("condition key %q must end in a slash and a tag key", name)
		}
		return key{kind, tag}, nil
	}
	return key{kind: keyKinds[strings.ToLower(name)]}, nil
}

// values returns the values that the request has for k, in one if there is but
// one.
func (r *Request) values(k key, one *[1]string) []string {
	if k.kind == keyTagKeys {
		return r.TagKeys
	}
	value, ok := r.value(k)
	if !ok {
		return nil
	}
	one[0] = value
	return one[:]
}

// value returns the value that the request has for a key that can have but one.
// This is a switch and not a table of functions because a request that is handed
// to an unknown function cannot stay on the stack.
func (r *Request) value(k key) (string, bool) {
	switch k.kind {
	case keyUserName:
		return r.UserName, r.UserName != ""
	case keyUserARN:
		return r.UserARN, r.UserARN != ""
	case keyAccount:
		return r.Account, r.Account != ""
	case keyRegion:
		return r.Region, r.Region != ""
	case keySourceIP:
		address := r.SourceIP.Unmap().WithZone("")
		return address.String(), address.IsValid()
	case keySecure:
		return strconv.FormatBool(r.Secure), true
	case keyCurrentTime:
		return r.Time.UTC().Format(time.RFC3339), !r.Time.IsZero()
	case keyEpochTime:
		return strconv.FormatInt(r.Time.Unix(), 10), !r.Time.IsZero()
	case keyRequestTag:
		return tagValue(r.RequestTags, k.tag)
	case keyResourceTag:
		return tagValue(r.ResourceTags, k.tag)
	}
	return "", false
}

// tagValue returns the value of a tag. In policies, unlike elsewhere, the case of
// tag keys does not matter. Of several that fit, the one written as in the policy
// counts, or else the first in the order of their bytes.
func tagValue(tags map[string]string, name string) (string, bool) {
	if value, ok := tags[name]; ok {
		return value, true
	}
	found, first := false, ""
	for tag := range tags {
		if strings.EqualFold(tag, name) && (!found || tag < first) {
			found, first = true, tag
		}
	}
	return tags[first], found
}
