package parley

import (
	"net/http"
	"slices"
)

// Operation is one call of the control plane.
type Operation struct {
	Name   string // as in the API reference, such as CreateRoom
	Method string
	Path   string // exact
	Status int    // of a success
	Rate   int    // documented calls per second, per account and region
	Models []Code // the failures that the API models for it, besides those common to all
}

// Action returns the IAM action that a policy must allow.
func (o Operation) Action() string { return "ivschat:" + o.Name }

// Quota returns the name under which the rate of its calls is set.
func (o Operation) Quota() Quota { return Quota(o.Name) }

// Modelled reports whether the API documents a failure with code for o.
func (o Operation) Modelled(code Code) bool {
	return slices.Contains(o.Models, code)
}

// Operations is every call that the server serves. Routing, errors and the
// command line are driven by it. Sources: API reference, Actions; Service quotas, user guide.
var Operations = []Operation{
	post("CreateChatToken", http.StatusOK, 200,
		AccessDenied, NotFound, PendingVerification, Invalid),
	post("CreateRoom", http.StatusOK, 5,
		Conflict, AccessDenied, NotFound, QuotaExceeded, PendingVerification, Invalid),
	post("GetRoom", http.StatusOK, 5, AccessDenied, NotFound, Invalid),
	post("ListRooms", http.StatusOK, 5, AccessDenied, NotFound, Invalid),
	post("UpdateRoom", http.StatusOK, 5,
		AccessDenied, NotFound, PendingVerification, Invalid),
	post("DeleteRoom", http.StatusNoContent, 5,
		AccessDenied, NotFound, PendingVerification, Invalid),
}

func post(name string, status, rate int, models ...Code) Operation {
	return Operation{Name: name, Method: http.MethodPost, Path: "/" + name,
		Status: status, Rate: rate, Models: models}
}
