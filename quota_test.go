package parley_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

// The numbers of the documentation, under the names that configurations use.
var (
	messagingQuotas = parley.Quotas{
		"rooms":                  50_000,
		"logging_configurations": 10,
		"connections":            50_000,
		"connection_requests":    10,
		"room_messages":          100,
		"messages":               1_000,
		"deletes":                100,
		"disconnects":            100,

		"connections_per_address": 0,
	}
	callQuotas = parley.Quotas{
		"CreateChatToken": 200,

		"CreateRoom": 5,
		"GetRoom":    5,
		"ListRooms":  5,
		"UpdateRoom": 5,
		"DeleteRoom": 5,

		"CreateLoggingConfiguration": 3,
		"GetLoggingConfiguration":    3,
		"ListLoggingConfigurations":  3,
		"UpdateLoggingConfiguration": 3,
		"DeleteLoggingConfiguration": 3,

		"SendEvent":      100,
		"DeleteMessage":  100,
		"DisconnectUser": 100,

		"TagResource":         10,
		"UntagResource":       10,
		"ListTagsForResource": 10,
	}
)

func union(sets ...parley.Quotas) parley.Quotas {
	all := parley.Quotas{}
	for _, set := range sets {
		for name, limit := range set {
			all[name] = limit
		}
	}
	return all
}

func TestQuotaSets(t *testing.T) {
	tests := []struct {
		set  parley.QuotaSet
		want parley.Quotas
	}{
		{"none", parley.Quotas{}},
		{"documented", messagingQuotas},
		{"aws", union(messagingQuotas, callQuotas)},
	}
	for _, test := range tests {
		got, err := test.set.Quotas()
		if err != nil {
			t.Errorf("set %q: %v", test.set, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("set %q (-want +got):\n%s", test.set, diff)
		}
		// What one server sets for itself must not reach the next one.
		got["rooms"], got["messages"] = 1, 2
		again, err := test.set.Quotas()
		if diff := cmp.Diff(test.want, again); err != nil || diff != "" {
			t.Errorf("set %q after a caller changed its copy: error %v (-want +got):\n%s",
				test.set, err, diff)
		}
	}
}

func TestUnknownQuotaSet(t *testing.T) {
	for _, set := range []parley.QuotaSet{"", "AWS", "default"} {
		got, err := set.Quotas()
		want := `quotas must be documented, none or aws, not "` + string(set) + `"`
		if err == nil || err.Error() != want || parley.CodeOf(err) != parley.Invalid {
			t.Errorf("set %q = %v, error %v, want code invalid and the text %q", set, got, err, want)
		}
	}
}

func TestQuotaNames(t *testing.T) {
	var want []parley.Quota
	for name := range union(messagingQuotas, callQuotas) {
		want = append(want, name)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, parley.QuotaNames()); diff != "" {
		t.Errorf("wrong names (-want +got):\n%s", diff)
	}
}

func TestClientNetwork(t *testing.T) {
	tests := []struct{ name, addr, want string }{
		{"IPv4", "203.0.113.7", "203.0.113.7"},
		{"IPv4 as IPv6", "::ffff:203.0.113.7", "203.0.113.7"},
		{"first of a /64", "2001:db8:0:1::", "2001:db8:0:1::"},
		{"last of a /64", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::"},
		{"next /64", "2001:db8:0:2::", "2001:db8:0:2::"},
		{"with a zone", "fe80::1%eth0", "fe80::"},
		{"loopback", "::1", "::"},
	}
	for _, test := range tests {
		got := parley.ClientNetwork(netip.MustParseAddr(test.addr))
		if got != netip.MustParseAddr(test.want) {
			t.Errorf("%s: the network of %s is %s, want %s", test.name, test.addr, got, test.want)
		}
	}
	if got := parley.ClientNetwork(netip.Addr{}); got.IsValid() {
		t.Errorf("the network of no address is %s, want none", got)
	}
}
