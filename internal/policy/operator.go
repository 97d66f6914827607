package policy

import (
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// operator compares a value that a policy wants with one that a request has.
// Either compare is set or parse is.
type operator struct {
	negated bool // the condition is that no wanted value fits

	// compare compares text; then the policy's value may hold variables. With wild
	// it may also hold wildcards, and with arn it has the parts of an ARN.
	compare func(want, got string) bool
	wild    bool
	arn     bool

	// parse reads the policy's value as something other than text.
	parse func(want string) (func(got string) bool, error)
}

// operators has every condition operator by its name, without its set form and
// IfExists. BinaryEquals is missing because no key has a binary value.
var operators = map[string]operator{
	"StringEquals":              {compare: equal},
	"StringNotEquals":           {compare: equal, negated: true},
	"StringEqualsIgnoreCase":    {compare: strings.EqualFold},
	"StringNotEqualsIgnoreCase": {compare: strings.EqualFold, negated: true},
	"StringLike":                {compare: like, wild: true},
	"StringNotLike":             {compare: like, wild: true, negated: true},

	"ArnEquals":    {compare: matchARN, wild: true, arn: true},
	"ArnLike":      {compare: matchARN, wild: true, arn: true},
	"ArnNotEquals": {compare: matchARN, wild: true, arn: true, negated: true},
	"ArnNotLike":   {compare: matchARN, wild: true, arn: true, negated: true},

	"NumericEquals":            {parse: parseNumberIs(isSame)},
	"NumericNotEquals":         {parse: parseNumberIs(isSame), negated: true},
	"NumericLessThan":          {parse: parseNumberIs(isLess)},
	"NumericLessThanEquals":    {parse: parseNumberIs(isAtMost)},
	"NumericGreaterThan":       {parse: parseNumberIs(isMore)},
	"NumericGreaterThanEquals": {parse: parseNumberIs(isAtLeast)},

	"DateEquals":            {parse: parseDateIs(isSame)},
	"DateNotEquals":         {parse: parseDateIs(isSame), negated: true},
	"DateLessThan":          {parse: parseDateIs(isLess)},
	"DateLessThanEquals":    {parse: parseDateIs(isAtMost)},
	"DateGreaterThan":       {parse: parseDateIs(isMore)},
	"DateGreaterThanEquals": {parse: parseDateIs(isAtLeast)},

	"Bool":         {parse: parseBool},
	"IpAddress":    {parse: parseNetwork},
	"NotIpAddress": {parse: parseNetwork, negated: true},

	operatorNull: {parse: parseBool}, // compared with whether the key is null
}

// operatorNull is the one operator that looks at whether there is a value.
const operatorNull = "Null"

func equal(want, got string) bool { return want == got }

// What an operator demands of how the request's value compares with the policy's:
// -1 is less, 0 the same, +1 more.
func isLess(order int) bool    { return order < 0 }
func isAtMost(order int) bool  { return order <= 0 }
func isSame(order int) bool    { return order == 0 }
func isAtLeast(order int) bool { return order >= 0 }
func isMore(order int) bool    { return order > 0 }

func parseNumberIs(demand func(order int) bool) func(string) (func(string) bool, error) {
	return func(want string) (func(string) bool, error) {
		limit, ok := parseNumber(want)
		if !ok {
			return nil, fmt.Errorf("%q is not a number, such as 10 or -2.5", want)
		}
		return func(got string) bool {
			number, ok := parseNumber(got)
			return ok && demand(number.Cmp(limit))
		}, nil
	}
}

// maxNumberLen bounds the work that a number in a request can cause, in bytes.
const maxNumberLen = 64

// parseNumber reads a decimal number. There are no exponents, with which a few
// characters could ask for a number of any size.
func parseNumber(text string) (*big.Rat, bool) {
	if len(text) > maxNumberLen || strings.Trim(text, "+-.0123456789") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

func parseDateIs(demand func(order int) bool) func(string) (func(string) bool, error) {
	return func(want string) (func(string) bool, error) {
		limit, ok := parseDate(want)
		if !ok {
			return nil, fmt.Errorf("%q is not a date, such as 2026-01-31, "+
				"2026-01-31T23:59:59Z or a number of seconds since 1970", want)
		}
		return func(got string) bool {
			date, ok := parseDate(got)
			return ok && demand(date.Compare(limit))
		}, nil
	}
}

// dateLayouts are the forms of dates: those of the W3C profile of ISO 8601, save
// the year alone, which reads as a number of seconds. The last one also takes
// fractions of a second.
var dateLayouts = []string{"2006-01", time.DateOnly, "2006-01-02T15:04Z07:00", time.RFC3339}

// maxEpochSeconds is the end of the year 9999, the last that the other forms have.
const maxEpochSeconds = 253402300799

func parseDate(text string) (time.Time, bool) {
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil {
		return time.Unix(int64(seconds), 0), seconds <= maxEpochSeconds
	}
	text = strings.ToUpper(text)
	for _, layout := range dateLayouts {
		if date, err := time.Parse(layout, text); err == nil {
			return date, true
		}
	}
	return time.Time{}, false
}

func parseBool(want string) (func(string) bool, error) {
	if !strings.EqualFold(want, "true") && !strings.EqualFold(want, "false") {
		return nil, fmt.Errorf("must be true or false, not %q", want)
	}
	return func(got string) bool { return strings.EqualFold(want, got) }, nil
}

// parseNetwork reads an address range, or an address that stands for itself.
func parseNetwork(want string) (func(string) bool, error) {
	network, err := netip.ParsePrefix(want)
	if err != nil {
		address, err := netip.ParseAddr(want)
		if err != nil || address.Zone() != "" {
			return nil, fmt.Errorf("%q is not an IP address or range, such as 203.0.113.0/24", want)
		}
		network = netip.PrefixFrom(address, address.BitLen())
	}
	if network.Addr().Is4In6() {
		return nil, errors.New("an IPv4 address must be written without ::ffff: in front")
	}
	return func(got string) bool {
		address, err := netip.ParseAddr(got)
		return err == nil && network.Contains(address)
	}, nil
}
