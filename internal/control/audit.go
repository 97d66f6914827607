package control

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/parley-chat/parley"
)

// hidden stands in the audit log for what nobody should read there. Source:
// CloudTrail record contents.
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"

// sensitive are the members, of requests and answers, that are hidden: the model
// marks them so, or an application may put anything into them.
var sensitive = []string{"token", "userId", "attributes"}

// auditRecord is one line of the audit log: a call, in the members of a CloudTrail
// record. Source: CloudTrail record contents.
type auditRecord struct {
	EventVersion       string         `json:"eventVersion"`
	UserIdentity       auditIdentity  `json:"userIdentity"`
	EventTime          string         `json:"eventTime"`
	EventSource        string         `json:"eventSource"`
	EventName          string         `json:"eventName"`
	Region             string         `json:"awsRegion,omitempty"`
	SourceIPAddress    string         `json:"sourceIPAddress"`
	UserAgent          string         `json:"userAgent"`
	ErrorCode          string         `json:"errorCode,omitempty"`
	ErrorMessage       string         `json:"errorMessage,omitempty"`
	RequestParameters  map[string]any `json:"requestParameters"`
	ResponseElements   map[string]any `json:"responseElements"`
	RequestID          string         `json:"requestID"`
	EventID            string         `json:"eventID"`
	ReadOnly           bool           `json:"readOnly"`
	EventType          string         `json:"eventType"`
	ManagementEvent    bool           `json:"managementEvent"`
	RecipientAccountID string         `json:"recipientAccountId,omitempty"`
}

type auditIdentity struct {
	Type        string `json:"type"` // Root, IAMUser or Unknown
	PrincipalID string `json:"principalId,omitempty"`
	ARN         string `json:"arn,omitempty"`
	AccountID   string `json:"accountId,omitempty"`
	AccessKeyID string `json:"accessKeyId,omitempty"`
	UserName    string `json:"userName,omitempty"`
}

// record writes a line of the audit log about a call that was answered with body,
// or refused with told. Requests that name no operation are no calls. That somebody watches
// is not worth a line: an open console asks every few seconds.
func (h *Handler) record(r *http.Request, c *call, body []byte, told *parley.Error) {
	if h.audit == nil || c.op.Name == "" || c.op.Watches() && told == nil {
		return
	}
	record := auditRecord{
		EventVersion:       "1.11",
		UserIdentity:       c.auditIdentity(),
		EventTime:          c.now.UTC().Format(time.RFC3339),
		EventSource:        "ivschat.amazonaws.com",
		EventName:          c.op.Name,
		Region:             c.world.Region,
		SourceIPAddress:    c.source.String(),
		UserAgent:          r.UserAgent(),
		RequestParameters:  c.auditParameters(),
		RequestID:          c.id,
		EventID:            parley.NewRequestID(),
		ReadOnly:           c.op.ReadOnly(),
		EventType:          "AwsApiCall",
		ManagementEvent:    true,
		RecipientAccountID: c.world.Account,
	}
	switch {
	case told != nil:
		record.ErrorCode = exceptions[told.Code].name
		if c.identity.UserARN != "" { // else the text may repeat parts of a signature
			record.ErrorMessage = told.Message
		}
	case !record.ReadOnly:
		record.ResponseElements = auditMembers(body)
	}
	if _, err := h.audit.Write(append(encode(record), '\n')); err != nil {
		h.log.Error("audit log", "request", c.id, "action", c.op.Name, "err", err)
	}
}

func (c *call) auditIdentity() auditIdentity {
	id := auditIdentity{Type: "IAMUser", AccessKeyID: c.keyID}
	switch {
	case c.identity.UserARN == "":
		id.Type = "Unknown" // the request did not prove who sent it
		return id
	case c.identity.Root:
		id.Type, id.PrincipalID = "Root", c.identity.Account
	default:
		id.UserName, id.PrincipalID = c.identity.UserName, c.identity.UserName
	}
	id.ARN, id.AccountID = c.identity.UserARN, c.identity.Account
	return id
}

// auditParameters returns what the request asked for, or nil when nobody proved to
// have asked.
func (c *call) auditParameters() map[string]any {
	if c.identity.UserARN == "" {
		return nil
	}
	members := auditMembers(c.raw)
	if c.label != "" {
		if members == nil {
			members = map[string]any{}
		}
		members["resourceArn"] = c.label
		if keys, _ := parseTagKeys(c.query); len(keys) > 0 {
			members["tagKeys"] = keys
		}
	}
	return members
}

// auditMembers returns the members of a JSON object, without those that are
// sensitive, or nil when it is none.
func auditMembers(object []byte) map[string]any {
	var members map[string]any
	if len(object) == 0 || json.Unmarshal(object, &members) != nil {
		return nil
	}
	for _, name := range sensitive {
		if _, ok := members[name]; ok {
			members[name] = hidden
		}
	}
	return members
}
