package parley

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Limits and defaults of a room. Source: CreateRoom, API reference.
const (
	MaxNameLen                   = 128 // characters, ASCII by the pattern; 0 is allowed
	MaxMessageLength             = 500 // code points, at least 1
	DefaultMessageLength         = 500 // code points
	MaxMessageRatePerSecond      = 100 // at least 1
	DefaultMessageRatePerSecond  = 10
	MaxLambdaARNLen              = 170 // characters; 0 means no handler
	MaxRoomLoggingConfigurations = 3
	MaxTags                      = 50
	MaxTagKeyLen                 = 128 // code points, at least 1
	MaxTagValueLen               = 256 // code points
	reservedTagPrefix            = "aws:"
)

var (
	namePattern   = regexp.MustCompile(`^[a-zA-Z0-9-_]*$`)
	lambdaPattern = regexp.MustCompile(`^$|^arn:aws:lambda:[a-z0-9-]+:[0-9]{12}:function:.+$`)
	tagPattern    = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// Room is a place to chat. Rooms are values: a change makes a new one, and the
// maps and slices of a stored one are never written again.
type Room struct {
	ARN                     ARN
	Name                    string // not unique, may be empty
	MaxMessageLength        int    // code points, 1–500
	MaxMessageRatePerSecond int    // of all senders together, 1–100
	ReviewHandler           *ReviewHandler
	LoggingConfigurations   []ARN
	Tags                    map[string]string
	CreateTime              time.Time
	UpdateTime              time.Time // changes with UpdateRoom, not with tags
}

// ReviewHandler names the function that reviews a room's messages. A room that
// never had one has a nil *ReviewHandler; a detached one has an empty URI.
type ReviewHandler struct {
	URI      string // Lambda function ARN, or empty
	Fallback Fallback
}

// Cursor is a place in the list of a world's resources of one kind, which is
// ordered by descending UpdateTime, and by ARN where those are equal. The zero
// value is before the first resource; else the place is after the one with these
// values.
type Cursor struct {
	UpdateTime time.Time
	ARN        ARN
}

// Fallback is what happens to a message when its review handler fails.
type Fallback string

// The fallbacks. FallbackAllow is the default.
const (
	FallbackAllow Fallback = "ALLOW"
	FallbackDeny  Fallback = "DENY"
)

// RoomChange holds the settings of a CreateRoom or UpdateRoom call. Nil members
// keep what the room has: its value, or the default in a new room.
type RoomChange struct {
	Name                    *string
	MaxMessageLength        *int
	MaxMessageRatePerSecond *int
	ReviewHandler           *ReviewHandler // replaced as a whole
	LoggingConfigurations   *[]ARN         // replaced as a whole
}

// Check adds to c what is wrong with the change.
func (r RoomChange) Check(c *Check) {
	if r.Name != nil {
		CheckName(c, "name", *r.Name)
	}
	if r.MaxMessageLength != nil {
		c.Range("maximumMessageLength", *r.MaxMessageLength, 1, MaxMessageLength)
	}
	if r.MaxMessageRatePerSecond != nil {
		c.Range("maximumMessageRatePerSecond", *r.MaxMessageRatePerSecond,
			1, MaxMessageRatePerSecond)
	}
	if r.ReviewHandler != nil {
		CheckLambdaARN(c, "messageReviewHandler.uri", r.ReviewHandler.URI)
		c.OneOf("messageReviewHandler.fallbackResult", string(r.ReviewHandler.Fallback),
			string(FallbackAllow), string(FallbackDeny))
	}
	if r.LoggingConfigurations != nil {
		c.Count("loggingConfigurationIdentifiers", len(*r.LoggingConfigurations),
			MaxRoomLoggingConfigurations)
	}
}

// NewRoom returns a room in w with a fresh ARN, the defaults, and change applied.
func NewRoom(w World, change RoomChange, tags map[string]string, now time.Time) Room {
	room := Room{
		ARN:                     w.NewRoomARN(),
		MaxMessageLength:        DefaultMessageLength,
		MaxMessageRatePerSecond: DefaultMessageRatePerSecond,
		Tags:                    tags,
		CreateTime:              now.UTC(),
	}
	return room.With(change, now)
}

// With returns the room with change applied at the time now.
func (r Room) With(change RoomChange, now time.Time) Room {
	set(&r.Name, change.Name)
	set(&r.MaxMessageLength, change.MaxMessageLength)
	set(&r.MaxMessageRatePerSecond, change.MaxMessageRatePerSecond)
	set(&r.LoggingConfigurations, change.LoggingConfigurations)
	if change.ReviewHandler != nil {
		r.ReviewHandler = change.ReviewHandler
	}
	r.UpdateTime = now.UTC()
	return r
}

func set[T any](dst, value *T) {
	if value != nil {
		*dst = *value
	}
}

// CheckName adds to c what is wrong with a name of a room or logging
// configuration.
func CheckName(c *Check, member, name string) {
	c.Pattern(member, name, 0, MaxNameLen, namePattern)
}

// CheckLambdaARN adds to c what is wrong with the ARN of a review handler; the
// empty one is right, and means none.
func CheckLambdaARN(c *Check, member, arn string) {
	c.Pattern(member, arn, 0, MaxLambdaARNLen, lambdaPattern)
}

// CheckTags adds to c what is wrong with the tags of a resource. When there are too
// many, that is all it says.
func CheckTags(c *Check, tags map[string]string) {
	if c.Count("tags", len(tags), MaxTags); len(tags) > MaxTags {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value, member := tags[key], "tags."+Shorten(key)
		c.Pattern(member, key, 1, MaxTagKeyLen, tagPattern)
		c.Pattern(member, value, 0, MaxTagValueLen, tagPattern)
		if strings.HasPrefix(strings.ToLower(key), reservedTagPrefix) {
			c.Add(member, "Tag keys starting with aws: are reserved")
		}
	}
}
