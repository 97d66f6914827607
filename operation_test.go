package parley_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

// TestOperations compares the table with the API reference.
func TestOperations(t *testing.T) {
	const (
		denied   = parley.AccessDenied
		missing  = parley.NotFound
		pending  = parley.PendingVerification
		invalid  = parley.Invalid
		conflict = parley.Conflict
		quota    = parley.QuotaExceeded
	)
	want := []parley.Operation{
		{"CreateChatToken", "POST", "/CreateChatToken", 200, 200,
			[]parley.Code{denied, missing, pending, invalid}},
		{"CreateRoom", "POST", "/CreateRoom", 200, 5,
			[]parley.Code{conflict, denied, missing, quota, pending, invalid}},
		{"GetRoom", "POST", "/GetRoom", 200, 5, []parley.Code{denied, missing, invalid}},
		{"ListRooms", "POST", "/ListRooms", 200, 5, []parley.Code{denied, missing, invalid}},
		{"UpdateRoom", "POST", "/UpdateRoom", 200, 5, []parley.Code{denied, missing, pending, invalid}},
		{"DeleteRoom", "POST", "/DeleteRoom", 204, 5, []parley.Code{denied, missing, pending, invalid}},
	}
	if diff := cmp.Diff(want, parley.Operations); diff != "" {
		t.Errorf("wrong table (-want +got):\n%s", diff)
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
