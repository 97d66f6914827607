package parley

import (
	"regexp"
	"strings"
)

// ARN names a resource in one account and one region. It is comparable, so it
// can be a map key. The partition is always "aws" and the service "ivschat".
type ARN struct {
	Region  string // such as us-east-1
	Account string // 12 digits
	Kind    Kind
	ID      string // letters, digits and hyphens; 12 letters and digits when ours
}

// Kind is the resource type inside an ARN.
type Kind string

// The kinds of resource that have an ARN.
const (
	KindRoom                 Kind = "room"
	KindLoggingConfiguration Kind = "logging-configuration"
)

// MaxARNLen is the longest ARN, in characters, all of them ASCII.
// Source: RoomIdentifier, LoggingConfigurationIdentifier, API reference.
const MaxARNLen = 128

// Patterns of ARNs, as the API documents them. They match whole strings.
const (
	RoomARNPattern                 = `^` + worldPattern + `:room/[a-zA-Z0-9-]+$`
	LoggingConfigurationARNPattern = `^` + worldPattern + `:logging-configuration/[a-zA-Z0-9-]+$`

	worldPattern = arnPrefix + `[a-z0-9-]+:[0-9]+`
)

const arnPrefix = "arn:aws:ivschat:"

var arnPatterns = map[Kind]*regexp.Regexp{
	KindRoom:                 regexp.MustCompile(RoomARNPattern),
	KindLoggingConfiguration: regexp.MustCompile(LoggingConfigurationARNPattern),
}

// errNoARN is the failure of ParseARN.
var errNoARN = Errorf(Invalid, "not the ARN of a room or a logging configuration")

// ParseARN returns the ARN that s spells. The error has code Invalid when s is
// not an ARN of a room or a logging configuration, or is over MaxARNLen. Every
// call of the control plane parses a few, so it does without the patterns, with
// which it agrees.
func ParseARN(s string) (ARN, error) {
	rest, ours := strings.CutPrefix(s, arnPrefix)
	region, rest, _ := strings.Cut(rest, ":")
	account, rest, _ := strings.Cut(rest, ":")
	kind, id, _ := strings.Cut(rest, "/")
	arn := ARN{Region: region, Account: account, Kind: Kind(kind), ID: id}
	if !ours || len(s) > MaxARNLen || arnPatterns[arn.Kind] == nil ||
		!consists(region, isInRegion) || !consists(account, isDigit) || !consists(id, isInID) {
		return ARN{}, errNoARN
	}
	return arn, nil
}

// consists reports whether s is not empty and all its bytes are of a class.
func consists(s string, class func(byte) bool) bool {
	for i := range len(s) {
		if !class(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlphanumeric(c byte) bool {
	return isDigit(c) || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

func isInRegion(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'z' || c == '-' }

func isInID(c byte) bool { return isAlphanumeric(c) || c == '-' }

// String returns the ARN as callers write it.
func (a ARN) String() string {
	return arnPrefix + a.Region + ":" + a.Account + ":" + string(a.Kind) + "/" + a.ID
}

// NotFound returns the error for a resource that a caller named and that does
// not exist, or not in the caller's account and region.
func (a ARN) NotFound() error {
	return &Error{
		Code:     NotFound,
		Message:  "Resource: " + a.String() + " not found",
		Resource: a.Resource(),
	}
}

// Resource returns how errors name the resource.
func (a ARN) Resource() Resource {
	t := ResourceRoom
	if a.Kind == KindLoggingConfiguration {
		t = ResourceLoggingConfiguration
	}
	return Resource{Type: t, ID: a.ID}
}

// World is one account in one region: resources of different worlds never meet,
// and quotas count within one.
type World struct {
	Region  string
	Account string
}

// World returns the account and region that the resource belongs to.
func (a ARN) World() World { return World{Region: a.Region, Account: a.Account} }

// NewRoomARN returns the ARN of a room to be made, with a fresh id.
func (w World) NewRoomARN() ARN {
	return ARN{Region: w.Region, Account: w.Account, Kind: KindRoom, ID: NewID()}
}
