package parley

import (
	"regexp"
	"time"
)

// LoggingConfiguration says where the chat of the rooms that name it is logged.
// Like rooms, configurations are values.
type LoggingConfiguration struct {
	ARN         ARN
	Name        string // not unique, may be empty
	Destination Destination
	State       LoggingState
	Tags        map[string]string
	CreateTime  time.Time
	UpdateTime  time.Time // does not change with tags
}

// LoggingState says whether a configuration logs. This server changes
// configurations at once, so a stored one is active, but for the moment before it is
// deleted.
type LoggingState string

// The states that this server uses. Source: LoggingConfiguration, API reference.
const (
	LoggingActive   LoggingState = "ACTIVE"   // logs
	LoggingDeleting LoggingState = "DELETING" // no room may come to name it
)

// Destination is where chat is logged: one thing of one kind.
type Destination struct {
	Kind DestinationKind
	Name string // of the bucket, log group or delivery stream
}

// DestinationKind is the kind of a destination, as requests name it.
type DestinationKind string

// The kinds of destination.
const (
	DestinationS3             DestinationKind = "s3"
	DestinationCloudWatchLogs DestinationKind = "cloudWatchLogs"
	DestinationFirehose       DestinationKind = "firehose"
)

// DestinationKinds are the kinds of destination, and the rule for the name of
// each. Source: DestinationConfiguration, API reference.
var DestinationKinds = map[DestinationKind]DestinationRule{
	DestinationS3: {Member: "bucketName", minLen: 3, maxLen: 63,
		pattern: regexp.MustCompile(`^[a-z0-9-.]+$`)},
	DestinationCloudWatchLogs: {Member: "logGroupName", minLen: 1, maxLen: 512,
		pattern: regexp.MustCompile(`^[\.\-_/#A-Za-z0-9]+$`)},
	DestinationFirehose: {Member: "deliveryStreamName", minLen: 1, maxLen: 64,
		pattern: regexp.MustCompile(`^[a-zA-Z0-9_.-]+$`)},
}

// DestinationRule says how a kind of destination is named.
type DestinationRule struct {
	Member         string // of a request that holds the name
	minLen, maxLen int
	pattern        *regexp.Regexp
}

// Check adds to c what is wrong with the destination's name, as that of the
// member called member.
func (d Destination) Check(c *Check, member string) {
	rule := DestinationKinds[d.Kind]
	c.Pattern(member, d.Name, rule.minLen, rule.maxLen, rule.pattern)
}

// LoggingConfigurationChange holds the settings of a Create- or
// UpdateLoggingConfiguration call. Nil members keep what there is.
type LoggingConfigurationChange struct {
	Name        *string
	Destination *Destination
}

// NewLoggingConfiguration returns a configuration in w with a fresh ARN and change
// applied.
func NewLoggingConfiguration(
	w World, change LoggingConfigurationChange, tags map[string]string, now time.Time,
) LoggingConfiguration {
	configuration := LoggingConfiguration{
		ARN: ARN{Region: w.Region, Account: w.Account,
			Kind: KindLoggingConfiguration, ID: NewID()},
		State:      LoggingActive,
		Tags:       tags,
		CreateTime: now.UTC(),
	}
	return configuration.With(change, now)
}

// With returns the configuration with change applied at the time now.
func (l LoggingConfiguration) With(
	change LoggingConfigurationChange, now time.Time,
) LoggingConfiguration {
	set(&l.Name, change.Name)
	set(&l.Destination, change.Destination)
	l.UpdateTime = now.UTC()
	return l
}
