package parley_test

import (
	"strings"
	"testing"

	"github.com/parley-chat/parley"
)

// TestShapes checks what users of the shapes rely on. That they agree with the API is
// checked with the models that AWS's clients ship, by test/conformance.
func TestShapes(t *testing.T) {
	for _, op := range parley.Operations {
		if op.Doc() == "" || op.Input() == nil || op.Output() == nil {
			t.Errorf("%s has no documentation or no shapes", op.Name)
			continue
		}
		inPath := 0
		for _, m := range op.Input().Members {
			if m.Location == parley.InPath {
				inPath++
			}
		}
		if (op.Path == parley.TagsPath) != (inPath == 1) {
			t.Errorf("%s: %d members in the path %s", op.Name, inPath, op.Path)
		}
		if op.Member != "" {
			if m, ok := op.Input().Member(op.Member); !ok || !m.Required {
				t.Errorf("%s: %s, which holds the ARN, is not a required member", op.Name, op.Member)
			}
		}
		checkShape(t, op.Name+" request", op.Input())
		checkShape(t, op.Name+" answer", op.Output())
	}
}

func checkShape(t *testing.T, where string, s *parley.Shape) {
	t.Helper()
	if s.Min > s.Max && s.Max > 0 || len(s.Members) > 0 && s.Type != parley.Structure ||
		(s.Type == parley.List || s.Type == parley.Map) != (s.Element != nil) {
		t.Errorf("%s: %+v contradicts itself", where, *s)
	}
	seen := map[string]bool{}
	for _, m := range s.Members {
		if seen[m.Name] || m.Doc == "" || !strings.HasSuffix(m.Doc, ".") {
			t.Errorf("%s: member %s is there twice, or its documentation %q is no sentence",
				where, m.Name, m.Doc)
		}
		seen[m.Name] = true
		checkShape(t, where+"."+m.Name, m.Shape)
	}
	if s.Element != nil {
		checkShape(t, where+"[]", s.Element)
	}
}

func TestOperationNamed(t *testing.T) {
	if op, ok := parley.OperationNamed("GetRoom"); !ok || op.Path != "/GetRoom" {
		t.Errorf("GetRoom: %v, %t", op, ok)
	}
	if op, ok := parley.OperationNamed("getRoom"); ok {
		t.Errorf("getRoom: %v, want none", op)
	}
}
