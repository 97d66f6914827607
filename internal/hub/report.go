package hub

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/parley-chat/parley"
)

// report is what a node tells the others of itself.
type report struct {
	clock  uint64  // the node's
	worlds []usage // those in which something goes on
}

// usage is what a node uses of what a world may use.
type usage struct {
	world       parley.World
	connections int                   // open now
	admitted    [len(sharedRates)]int // requests since the last report, in that order
}

// Bounds of a report.
const (
	// maxReported is how many worlds a node tells the others of: those that came first.
	// A world past it has its quotas on each node for itself. It keeps a report under
	// 256 KiB.
	maxReported = 1500
	// maxWorldBytes bounds the name of a region, and that of an account.
	maxWorldBytes = 64
)

// reportVersion is the first byte of an encoded report.
const reportVersion = 1

// fits reports whether a world can be told of.
func fits(w parley.World) bool {
	return len(w.Region) <= maxWorldBytes && len(w.Account) <= maxWorldBytes
}

// errReport is what decodeReport returns for bytes that encode did not make.
var errReport = errors.New("malformed report")

// encode returns version, clock, the number of worlds, and of each the lengths and bytes
// of region and account, its connections and what it has admitted.
func (r report) encode() []byte {
	b := make([]byte, 0, 2*binary.MaxVarintLen64+len(r.worlds)*48)
	b = append(b, reportVersion)
	b = binary.AppendUvarint(b, r.clock)
	b = binary.AppendUvarint(b, uint64(len(r.worlds)))
	for _, u := range r.worlds {
		b = appendString(b, u.world.Region)
		b = appendString(b, u.world.Account)
		b = binary.AppendUvarint(b, uint64(u.connections))
		for _, n := range u.admitted {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	return b
}

// decodeReport undoes encode.
func decodeReport(b []byte) (report, error) {
	if len(b) == 0 || b[0] != reportVersion {
		return report{}, errReport
	}
	var r report
	b, ok := b[1:], true
	r.clock, b, ok = cutNumber(b, ok)
	worlds, b, ok := cutNumber(b, ok)
	if !ok || worlds > maxReported {
		return report{}, errReport
	}
	for range worlds {
		var u usage
		if u, b, ok = cutUsage(b, ok); !ok {
			return report{}, errReport
		}
		r.worlds = append(r.worlds, u)
	}
	if len(b) > 0 {
		return report{}, errReport
	}
	return r, nil
}

// cutUsage is cutNumber for what is used in one world.
func cutUsage(b []byte, ok bool) (u usage, rest []byte, _ bool) {
	u.world.Region, b, ok = cutString(b, ok)
	u.world.Account, b, ok = cutString(b, ok)
	u.connections, b, ok = cutCount(b, ok)
	for i := range u.admitted {
		u.admitted[i], b, ok = cutCount(b, ok)
	}
	return u, b, ok && fits(u.world)
}

// cutCount is cutNumber for a number of things.
func cutCount(b []byte, ok bool) (count int, rest []byte, _ bool) {
	number, b, ok := cutNumber(b, ok)
	return int(number), b, ok && number <= math.MaxInt32
}
