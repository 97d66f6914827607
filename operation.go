package parley

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// Operation is one call of the control plane.
type Operation struct {
	Name   string // as in the API reference, such as CreateRoom
	Method string
	// Path is exact, unless it ends in a slash: then an ARN follows it.
	Path   string
	Status int // of a success
	Rate   int // documented calls per second, per account and region
	// Kind is that of the resource it acts on; empty when that may be any.
	Kind Kind
	// Member holds the ARN of that resource in a request; empty when the ARN is in
	// the path, or when the operation is about all resources of the kind.
	Member string
	Models []Code // the failures that the API models for it, besides those common to all
}

// Action returns the IAM action that a policy must allow.
func (o Operation) Action() string { return cmp.Or(permissions[o.Name], "ivschat:"+o.Name) }

// Quota returns the name under which the rate of its calls is set.
func (o Operation) Quota() Quota { return Quota(o.Name) }

// Doc says in a sentence what the operation does.
func (o Operation) Doc() string { return shapes[o.Name].doc }

// Input returns the structure of the operation's requests.
func (o Operation) Input() *Shape { return shapes[o.Name].in }

// Output returns the structure of the operation's answers; it has no members when
// these have no body.
func (o Operation) Output() *Shape { return shapes[o.Name].out }

// Modelled reports whether the API documents a failure with code for o.
func (o Operation) Modelled(code Code) bool {
	return slices.Contains(o.Models, code)
}

// ReadOnly reports whether the operation changes nothing.
func (o Operation) ReadOnly() bool {
	return strings.HasPrefix(o.Name, "Get") || strings.HasPrefix(o.Name, "List") ||
		strings.HasPrefix(o.Name, "Search")
}

// OperationNamed returns the operation with a name, such as CreateRoom, and whether
// there is one.
func OperationNamed(name string) (Operation, bool) {
	i := slices.IndexFunc(Operations, func(o Operation) bool { return o.Name == name })
	if i < 0 {
		return Operation{}, false
	}
	return Operations[i], true
}

// TagsPath is the path of the operations on tags, before the resource's ARN.
const TagsPath = "/tags/"

// Operations is every call that the server serves. Routing, authorization, errors
// and the command line are driven by it. Sources: API reference, Actions; Service
// quotas, user guide.
var Operations = []Operation{
	post("CreateChatToken", 200, KindRoom, "roomIdentifier",
		AccessDenied, NotFound, PendingVerification, Invalid),
	post("CreateRoom", 5, KindRoom, "",
		Conflict, AccessDenied, NotFound, QuotaExceeded, PendingVerification, Invalid),
	post("GetRoom", 5, KindRoom, "identifier", AccessDenied, NotFound, Invalid),
	post("ListRooms", 5, KindRoom, "", AccessDenied, NotFound, Invalid),
	post("UpdateRoom", 5, KindRoom, "identifier",
		AccessDenied, NotFound, PendingVerification, Invalid),
	noContent(post("DeleteRoom", 5, KindRoom, "identifier",
		AccessDenied, NotFound, PendingVerification, Invalid)),

	post("CreateLoggingConfiguration", 3, KindLoggingConfiguration, "",
		Conflict, AccessDenied, NotFound, QuotaExceeded, PendingVerification, Invalid),
	post("GetLoggingConfiguration", 3, KindLoggingConfiguration, "identifier",
		AccessDenied, NotFound, Invalid),
	post("ListLoggingConfigurations", 3, KindLoggingConfiguration, "", AccessDenied, Invalid),
	post("UpdateLoggingConfiguration", 3, KindLoggingConfiguration, "identifier",
		Conflict, AccessDenied, NotFound, PendingVerification, Invalid),
	noContent(post("DeleteLoggingConfiguration", 3, KindLoggingConfiguration, "identifier",
		Conflict, AccessDenied, NotFound, PendingVerification, Invalid)),

	post("SendEvent", 100, KindRoom, "roomIdentifier",
		Throttled, AccessDenied, NotFound, PendingVerification, Invalid),
	post("DeleteMessage", 100, KindRoom, "roomIdentifier",
		Throttled, AccessDenied, NotFound, PendingVerification, Invalid),
	post("DisconnectUser", 100, KindRoom, "roomIdentifier",
		Throttled, AccessDenied, NotFound, PendingVerification, Invalid),

	tags("TagResource", http.MethodPost),
	tags("UntagResource", http.MethodDelete),
	tags("ListTagsForResource", http.MethodGet),
}

// Extensions are calls that the original does not have: the console makes them. They are
// signed and authorized like operations, and no client of the original knows them.
var Extensions = []Operation{
	extension("SearchRooms", KindRoom, AccessDenied, Invalid),
	extension("GetMetrics", "", AccessDenied),
	about("identifier", extension("GetRoomTraffic", KindRoom, AccessDenied, NotFound, Invalid)),
	about("identifier", extension("GetLogDeliveries", KindLoggingConfiguration,
		AccessDenied, NotFound, Invalid)),
}

// permissions are the actions of the extensions. SearchRooms tells no more than ListRooms
// does, so who may make one may make both; who may look at a room or at a logging
// configuration may see what goes on there. GetMetrics tells about the server as a whole,
// all accounts together.
var permissions = map[string]string{
	"SearchRooms":      "ivschat:ListRooms",
	"GetMetrics":       "parley:GetMetrics",
	"GetRoomTraffic":   "ivschat:GetRoom",
	"GetLogDeliveries": "ivschat:GetLoggingConfiguration",
}

// Watches reports whether the operation is one that an open page makes every few seconds.
func (o Operation) Watches() bool {
	switch o.Name {
	case "GetMetrics", "GetRoomTraffic", "GetLogDeliveries":
		return true
	}
	return false
}

func extension(name string, kind Kind, models ...Code) Operation {
	return Operation{Name: name, Method: http.MethodPost, Path: "/parley/" + name,
		Status: http.StatusOK, Kind: kind, Models: models}
}

func about(member string, o Operation) Operation {
	o.Member = member
	return o
}

func post(name string, rate int, kind Kind, member string, models ...Code) Operation {
	return Operation{Name: name, Method: http.MethodPost, Path: "/" + name,
		Status: http.StatusOK, Rate: rate, Kind: kind, Member: member, Models: models}
}

func noContent(o Operation) Operation {
	o.Status = http.StatusNoContent
	return o
}

func tags(name, method string) Operation {
	return Operation{Name: name, Method: method, Path: TagsPath, Status: http.StatusOK,
		Rate: 10, Models: []Code{NotFound, Internal, Invalid}}
}
