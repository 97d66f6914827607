package parley_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

// TestOperations compares the table with the API reference.
func TestOperations(t *testing.T) {
	const (
		room    = parley.KindRoom
		logging = parley.KindLoggingConfiguration

		conflict  = parley.Conflict
		denied    = parley.AccessDenied
		internal  = parley.Internal
		invalid   = parley.Invalid
		missing   = parley.NotFound
		pending   = parley.PendingVerification
		quota     = parley.QuotaExceeded
		throttled = parley.Throttled
	)
	type codes = []parley.Code
	want := []parley.Operation{
		{"CreateChatToken", "POST", "/CreateChatToken", 200, 200, room, "roomIdentifier",
			codes{denied, missing, pending, invalid}},
		{"CreateRoom", "POST", "/CreateRoom", 200, 5, room, "",
			codes{conflict, denied, missing, quota, pending, invalid}},
		{"GetRoom", "POST", "/GetRoom", 200, 5, room, "identifier",
			codes{denied, missing, invalid}},
		{"ListRooms", "POST", "/ListRooms", 200, 5, room, "",
			codes{denied, missing, invalid}},
		{"UpdateRoom", "POST", "/UpdateRoom", 200, 5, room, "identifier",
			codes{denied, missing, pending, invalid}},
		{"DeleteRoom", "POST", "/DeleteRoom", 204, 5, room, "identifier",
			codes{denied, missing, pending, invalid}},

		{"CreateLoggingConfiguration", "POST", "/CreateLoggingConfiguration", 200, 3, logging, "",
			codes{conflict, denied, missing, quota, pending, invalid}},
		{"GetLoggingConfiguration", "POST", "/GetLoggingConfiguration", 200, 3, logging,
			"identifier", codes{denied, missing, invalid}},
		{"ListLoggingConfigurations", "POST", "/ListLoggingConfigurations", 200, 3, logging, "",
			codes{denied, invalid}},
		{"UpdateLoggingConfiguration", "POST", "/UpdateLoggingConfiguration", 200, 3, logging,
			"identifier", codes{conflict, denied, missing, pending, invalid}},
		{"DeleteLoggingConfiguration", "POST", "/DeleteLoggingConfiguration", 204, 3, logging,
			"identifier", codes{conflict, denied, missing, pending, invalid}},

		{"SendEvent", "POST", "/SendEvent", 200, 100, room, "roomIdentifier",
			codes{throttled, denied, missing, pending, invalid}},
		{"DeleteMessage", "POST", "/DeleteMessage", 200, 100, room, "roomIdentifier",
			codes{throttled, denied, missing, pending, invalid}},
		{"DisconnectUser", "POST", "/DisconnectUser", 200, 100, room, "roomIdentifier",
			codes{throttled, denied, missing, pending, invalid}},

		{"TagResource", "POST", "/tags/", 200, 10, "", "", codes{missing, internal, invalid}},
		{"UntagResource", "DELETE", "/tags/", 200, 10, "", "", codes{missing, internal, invalid}},
		{"ListTagsForResource", "GET", "/tags/", 200, 10, "", "",
			codes{missing, internal, invalid}},
	}
	if diff := cmp.Diff(want, parley.Operations); diff != "" {
		t.Errorf("wrong table (-want +got):\n%s", diff)
	}
}

func TestReadOnlyOperations(t *testing.T) {
	readOnly := map[string]bool{"GetRoom": true, "ListRooms": true, "GetLoggingConfiguration": true,
		"ListLoggingConfigurations": true, "ListTagsForResource": true}
	for _, op := range parley.Operations {
		if got, want := op.ReadOnly(), readOnly[op.Name]; got != want {
			t.Errorf("%s is read-only: got %t, want %t", op.Name, got, want)
		}
	}
}

func TestOperationNames(t *testing.T) {
	routes, names := map[string]string{}, map[string]bool{}
	for _, op := range parley.Operations {
		if names[op.Name] {
			t.Errorf("%s is in the table twice", op.Name)
		}
		names[op.Name] = true
		route := op.Method + " " + op.Path
		if other, ok := routes[route]; ok {
			t.Errorf("%s and %s are both called by %s", op.Name, other, route)
		}
		routes[route] = op.Name
		if got, want := op.Action(), "ivschat:"+op.Name; got != want {
			t.Errorf("the action of %s is %q, want %q", op.Name, got, want)
		}
		if got := op.Quota(); string(got) != op.Name {
			t.Errorf("the quota of calls of %s is named %q, want its own name", op.Name, got)
		}
	}
}

func TestOperationModelled(t *testing.T) {
	op := parley.Operation{Models: []parley.Code{parley.NotFound, parley.Invalid}}
	for _, code := range parley.Codes() {
		want := code == parley.NotFound || code == parley.Invalid
		if got := op.Modelled(code); got != want {
			t.Errorf("Modelled(%v) = %t for an operation that models %v", code, got, op.Models)
		}
	}
}

func TestExtensionsStandApart(t *testing.T) {
	for _, op := range parley.Extensions {
		if _, known := parley.OperationNamed(op.Name); known {
			t.Errorf("%s is an extension, and an operation of the original", op.Name)
		}
		if want := "/parley/" + op.Name; op.Path != want {
			t.Errorf("path of %s is %s, want %s", op.Name, op.Path, want)
		}
		if !op.ReadOnly() {
			t.Errorf("%s is not read-only: policies would take it for one that makes a resource", op.Name)
		}
	}
}
