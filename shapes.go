package parley

// Limits of lists. Source: MaxRoomResults, PaginationToken, API reference.
const (
	MaxPageSize     = 50   // entries of a page, at least 1; also the default
	MaxPageTokenLen = 1024 // characters of a nextToken; empty asks for the first page
)

// The shapes that several operations share, in the terms of the API reference.
var (
	anyText    = &Shape{Type: String}
	timestamp  = &Shape{Type: Timestamp}
	identifier = text(1, MaxARNLen)
	identity   = text(IDLen, IDLen)
	nameShape  = text(0, MaxNameLen)
	lambdaARN  = text(0, MaxLambdaARNLen)
	userID     = text(1, MaxUserIDLen)
	reason     = text(1, MaxReasonLen)
	tagKey     = text(1, MaxTagKeyLen)
	tagMap     = mapOf(tagKey, text(0, MaxTagValueLen), MaxTags)
	attributes = mapOf(anyText, anyText, 0)

	loggingIdentifiers = list(identifier, MaxRoomLoggingConfigurations)

	handler = structure(
		member("uri", lambdaARN, "ARN of the Lambda function that reviews messages; empty for none."),
		member("fallbackResult", enum(string(FallbackAllow), string(FallbackDeny)),
			"What happens to a message when the handler fails. Default: ALLOW."),
	)

	destination = &Shape{Union: true, Members: []Member{
		destinationMember(DestinationS3, "Bucket of S3, or a store like it."),
		destinationMember(DestinationCloudWatchLogs, "Log group of CloudWatch Logs."),
		destinationMember(DestinationFirehose, "Delivery stream of Firehose."),
	}}

	loggingState = enum("CREATING", "CREATE_FAILED", "DELETING", "DELETE_FAILED",
		"UPDATING", "UPDATE_FAILED", string(LoggingActive))
	settledState = enum(string(LoggingActive)) // in answers to create and update
)

func destinationMember(kind DestinationKind, doc string) Member {
	rule := DestinationKinds[kind]
	return member(string(kind), structure(
		required(rule.Member, text(rule.minLen, rule.maxLen), "Its name."),
	), doc)
}

// Members that several requests have.
var (
	roomIdentifier = required("roomIdentifier", identifier, "ARN of the room.")
	ofRoom         = required("identifier", identifier, "ARN of the room.")
	ofLogging      = required("identifier", identifier, "ARN of the logging configuration.")
	resourceARN    = required("resourceArn", identifier,
		"ARN of a room or a logging configuration.").in(InPath)

	newTags       = member("tags", tagMap, "Tags of the new resource.")
	reasonMember  = member("reason", reason, "Why; clients are told.")
	nextTokenIn   = member("nextToken", text(0, MaxPageTokenLen), "The nextToken of the page before.")
	maxResults    = member("maxResults", integer(1, MaxPageSize), "Entries of a page. Default: 50.")
	nextTokenOut  = member("nextToken", text(0, MaxPageTokenLen), "Asks for the page after this one.")
	operationID   = structure(member("id", identity, "Id of what was done."))
	roomName      = member("name", nameShape, "Name of the room; it need not be unique.")
	loggingName   = member("name", nameShape, "Name of the configuration; it need not be unique.")
	reviewHandler = member("messageReviewHandler", handler, "What reviews messages.")
	messageRate   = member("maximumMessageRatePerSecond", integer(1, MaxMessageRatePerSecond),
		"Messages per second that the room takes from all senders together. Default: 10.")
	messageLength = member("maximumMessageLength", integer(1, MaxMessageLength),
		"Characters of the longest message, as code points. Default: 500.")
	roomLogging = member("loggingConfigurationIdentifiers", loggingIdentifiers,
		"ARNs of the logging configurations of the room.")
)

// Members that several answers have.
var (
	arnMember  = member("arn", identifier, "Its ARN.")
	idMember   = member("id", identity, "Its id: the end of the ARN.")
	created    = member("createTime", timestamp, "When it was made.")
	updated    = member("updateTime", timestamp, "When it was last changed.")
	tagsMember = member("tags", tagMap, "Its tags.")

	roomShape = structure(arnMember, idMember, roomName, created, updated,
		messageRate, messageLength, reviewHandler, tagsMember, roomLogging)
	roomSummary = structure(arnMember, idMember, roomName, reviewHandler, created, updated,
		tagsMember, roomLogging)
)

// loggingShape returns a logging configuration in an answer.
func loggingShape(state *Shape) *Shape {
	return structure(arnMember, idMember, created, updated, loggingName,
		member("destinationConfiguration", destination, "Where chat is logged."),
		member("state", state, "Whether it logs."), tagsMember)
}

// shapes are what each operation takes and answers. Source: API reference, Actions,
// whose order of members this is.
var shapes = map[string]struct {
	doc     string
	in, out *Shape
}{
	"CreateChatToken": {"Make a token with which a user can join a room, within a minute and once.",
		structure(roomIdentifier,
			required("userId", userID, "Id of the user, as the application chooses it."),
			member("capabilities", list(enum(CapabilityNames()...), 0),
				"What the user may do besides viewing. Default: nothing."),
			member("sessionDurationInMinutes", integer(1, MaxSessionMinutes),
				"Minutes from now until the session ends. Default: 60."),
			member("attributes", attributes,
				"What receivers are told about the sender, 1 KB in total.")),
		structure(
			member("token", anyText, "The token: for one connection, within a minute."),
			member("tokenExpirationTime", timestamp, "By when it must be used."),
			member("sessionExpirationTime", timestamp, "When the session ends."))},

	"CreateRoom": {"Make a room.",
		structure(roomName, messageRate, messageLength, reviewHandler, newTags, roomLogging),
		roomShape},
	"GetRoom": {"Show a room.",
		structure(ofRoom), roomShape},
	"ListRooms": {"List the rooms of the account in the region.",
		structure(
			member("name", nameShape, "Only rooms with this name."), nextTokenIn, maxResults,
			member("messageReviewHandlerUri", lambdaARN, "Only rooms with this handler."),
			member("loggingConfigurationIdentifier", identifier,
				"Only rooms with this logging configuration.")),
		structure(
			required("rooms", list(roomSummary, 0), "Rooms, those changed last first."),
			nextTokenOut)},
	"UpdateRoom": {"Change settings of a room; what is not given stays.",
		structure(ofRoom, roomName, messageRate, messageLength, reviewHandler, roomLogging),
		roomShape},
	"DeleteRoom": {"Delete a room.",
		structure(ofRoom), nothing},

	"CreateLoggingConfiguration": {"Make a logging configuration, which says where rooms log their chat.",
		structure(loggingName,
			required("destinationConfiguration", destination, "Where chat is logged."), newTags),
		loggingShape(settledState)},
	"GetLoggingConfiguration": {"Show a logging configuration.",
		structure(ofLogging), loggingShape(loggingState)},
	"ListLoggingConfigurations": {"List the logging configurations of the account in the region.",
		structure(nextTokenIn, maxResults),
		structure(
			required("loggingConfigurations", list(loggingShape(loggingState), 0),
				"Logging configurations, those changed last first."),
			nextTokenOut)},
	"UpdateLoggingConfiguration": {"Change a logging configuration; what is not given stays.",
		structure(ofLogging, loggingName,
			member("destinationConfiguration", destination, "Where chat is logged.")),
		loggingShape(settledState)},
	"DeleteLoggingConfiguration": {"Delete a logging configuration that no room uses.",
		structure(ofLogging), nothing},

	"SendEvent": {"Send an event to everybody in a room.",
		structure(roomIdentifier,
			required("eventName", text(1, MaxEventNameLen), "Name of the event."),
			member("attributes", attributes, "What the event says, 4 KB in total.")),
		operationID},
	"DeleteMessage": {"Tell everybody in a room to remove a message.",
		structure(roomIdentifier,
			required("id", identity, "Id of the message."), reasonMember),
		operationID},
	"DisconnectUser": {"End all sessions of a user in a room.",
		structure(roomIdentifier, required("userId", userID, "Id of the user."), reasonMember),
		nothing},

	"TagResource": {"Add or change tags of a room or a logging configuration.",
		structure(resourceARN, required("tags", tagMap, "Tags to add or to change.")), nothing},
	"UntagResource": {"Remove tags from a room or a logging configuration.",
		structure(resourceARN,
			required("tagKeys", list(tagKey, MaxTags), "Keys of the tags to remove.").in(InQuery)),
		nothing},
	"ListTagsForResource": {"List the tags of a room or a logging configuration.",
		structure(resourceARN), structure(required("tags", tagMap, "The tags of the resource."))},
}
