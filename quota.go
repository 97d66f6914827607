package parley

import (
	"maps"
	"net/netip"
	"slices"
)

// Quota names one limit that an operator may set: one of those below, or the
// name of an operation for the rate of its calls.
type Quota string

// The quotas, per account and region unless they say otherwise. Rates are per
// second, enforced by a token bucket that holds one second's worth.
const (
	QuotaRooms Quota = "rooms" // rooms that exist
	// Logging configurations that exist.
	QuotaLoggingConfigurations Quota = "logging_configurations"

	QuotaConnections        Quota = "connections"         // sessions open at once
	QuotaConnectionRequests Quota = "connection_requests" // rate of requests on one connection
	QuotaRoomMessages       Quota = "room_messages"       // ceiling on a room's own message rate
	QuotaMessages           Quota = "messages"            // rate of messages over all rooms
	QuotaDeletes            Quota = "deletes"             // rate of deleted messages, both planes
	QuotaDisconnects        Quota = "disconnects"         // rate of disconnected users, both planes

	// Sessions open at once from one client address, on one node, whatever their
	// account and region. No set limits it: behind a proxy that the server is not
	// told about, all clients share one address.
	QuotaConnectionsPerAddress Quota = "connections_per_address"
)

// ClientNetwork returns what counts as one client when addresses are limited: the
// address itself, or the /64 of an IPv6 one, of which a client has as many as it
// likes. An IPv4 address that is written as an IPv6 one counts as itself.
func ClientNetwork(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() || !addr.IsValid() {
		return addr
	}
	network, _ := addr.Prefix(64) // an IPv6 address has 64 bits
	return network.Addr()
}

// Quotas says how much of each thing is allowed. A missing entry, or zero, is no
// limit.
type Quotas map[Quota]int

// QuotaSet names a whole set of quotas to start from.
type QuotaSet string

// The quota sets.
const (
	DocumentedQuotas QuotaSet = "documented" // the messaging rates and counts of the user guide
	NoQuotas         QuotaSet = "none"       // no rate or count is enforced
	AWSQuotas        QuotaSet = "aws"        // the documented ones and the rates of API calls
)

// Quotas returns the limits of the set, in a new map. The error has code Invalid
// when there is no such set.
func (s QuotaSet) Quotas() (Quotas, error) {
	switch s {
	case NoQuotas:
		return Quotas{}, nil
	case DocumentedQuotas:
		return maps.Clone(documentedQuotas), nil
	case AWSQuotas:
		quotas := maps.Clone(documentedQuotas)
		for _, op := range Operations {
			quotas[op.Quota()] = op.Rate
		}
		return quotas, nil
	}
	return nil, Errorf(Invalid, "quotas must be %s, %s or %s, not %q",
		DocumentedQuotas, NoQuotas, AWSQuotas, string(s))
}

// QuotaNames returns the names of all quotas that can be set, sorted.
func QuotaNames() []Quota {
	names := slices.Collect(maps.Keys(documentedQuotas))
	for _, op := range Operations {
		names = append(names, op.Quota())
	}
	slices.Sort(names)
	return names
}

// Source: Service quotas, IVS Chat user guide.
var documentedQuotas = Quotas{
	QuotaRooms:                 50_000,
	QuotaLoggingConfigurations: 10,
	QuotaConnections:           50_000,
	QuotaConnectionRequests:    10,
	QuotaRoomMessages:          MaxMessageRatePerSecond,
	QuotaMessages:              1_000,
	QuotaDeletes:               100,
	QuotaDisconnects:           100,
	QuotaConnectionsPerAddress: 0,
}
