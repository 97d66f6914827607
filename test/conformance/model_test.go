package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// apiShape is what a value in a request or an answer looks like.
type apiShape struct {
	Type         string
	Members      []apiMember
	Union        bool
	Element, Key *apiShape // of a list or a map
	Enum         []string
	Min, Max     int
}

// apiMember is a member of a structure.
type apiMember struct {
	Name     string
	Shape    *apiShape
	Required bool
	Location string // in requests, when it is not the body
}

// describe returns a line for the shape, and one for each shape within it.
func (s *apiShape) describe(path, remark string) []string {
	if s == nil {
		return nil
	}
	line := path + " " + s.Type + remark
	if s.Union {
		line += " union"
	}
	if s.Min != 0 || s.Max != 0 {
		line += fmt.Sprintf(" %d-%d", s.Min, s.Max)
	}
	if len(s.Enum) > 0 {
		line += " " + strings.Join(slices.Sorted(slices.Values(s.Enum)), "|")
	}
	lines := append([]string{line}, s.Key.describe(path+"{key}", "")...)
	lines = append(lines, s.Element.describe(path+"[]", "")...)
	for _, m := range s.Members {
		remark := ""
		if m.Required {
			remark += " required"
		}
		if m.Location != "" {
			remark += " in " + m.Location
		}
		lines = append(lines, m.Shape.describe(path+"."+m.Name, remark)...)
	}
	return lines
}

// describeOperation returns all that there is to know of an operation, but for its
// errors and what is prose: a line for each value in its requests and answers.
func describeOperation(method, path string, status int, input, output *apiShape) []string {
	lines := []string{fmt.Sprintf("%s %s %d", method, path, status)}
	for _, part := range []struct {
		name  string
		shape *apiShape
	}{{"request", input}, {"answer", output}} {
		if part.shape != nil && len(part.shape.Members) > 0 { // else a model may lack it
			lines = append(lines, part.shape.describe(part.name, "")...)
		}
	}
	return lines
}

// olderModels holds how lines end in models that are older than a change of the API,
// and how they end since.
var olderModels = map[string]string{
	".maximumMessageRatePerSecond integer 1-10": ".maximumMessageRatePerSecond integer 1-100",
}

// TestShapesAreTheModels compares what parley knows of all operations with the models
// that the installed official clients have, among them the AWS CLI.
func TestShapesAreTheModels(t *testing.T) {
	ours := parleyShapes(t)
	models := installedModels(t)
	if len(models) == 0 {
		missing(t, "a python3 with botocore", "install awscli and python3-boto3")
	}
	for name, model := range models {
		t.Run(name, func(t *testing.T) {
			want, got := map[string][]string{}, model.describe(t)
			for operation, lines := range ours {
				want[operation] = slices.Clone(lines)
				if model.sorted() {
					slices.Sort(want[operation])
					slices.Sort(got[operation])
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("parley and the model differ (-parley +model):\n%s", diff)
			}
		})
	}
}

// parleyShapes describes the operations of parley, by name.
func parleyShapes(t *testing.T) map[string][]string {
	t.Helper()
	var all []struct {
		Name, Method, Path string
		Status             int
		Input, Output      *apiShape
	}
	run := exec.Command("go", "run", filepath.Join("test", "conformance", "testdata", "shapes.go"))
	run.Dir = filepath.Join("..", "..")
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v: %v", run, err)
	}
	decode(t, out, &all)
	got := map[string][]string{}
	for _, op := range all {
		got[op.Name] = describeOperation(op.Method, op.Path, op.Status, op.Input, op.Output)
	}
	return got
}

// serviceModel is a model of the API as botocore has it.
type serviceModel struct {
	Operations map[string]struct {
		HTTP struct {
			Method, RequestURI string
			ResponseCode       int
		}
		Input, Output *modelReference
	}
	Shapes map[string]modelShape
}

type modelReference struct{ Shape, Location, LocationName string }

type modelShape struct {
	Type               string
	Members            modelMembers
	Required, Enum     []string
	Union              bool
	Member, Key, Value *modelReference
	Min, Max           int
	TimestampFormat    string
}

// modelMembers are the members of a structure in their order.
type modelMembers []modelMember

type modelMember struct {
	name string
	modelReference
}

// UnmarshalJSON keeps the order.
func (m *modelMembers) UnmarshalJSON(data []byte) error {
	var byName map[string]modelReference
	if err := json.Unmarshal(data, &byName); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if _, err := decoder.Token(); err != nil { // the brace
		return err
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return err
		}
		*m = append(*m, modelMember{name.(string), byName[name.(string)]})
	}
	return nil
}

// installedModels returns the models of all installed botocores: those of boto3, and
// that within the AWS CLI.
func installedModels(t *testing.T) map[string]serviceModel {
	t.Helper()
	const program = `import importlib, json, sys
loaders = importlib.import_module(sys.argv[1] + ".loaders")
json.dump(loaders.Loader().load_service_model("ivschat", "service-2"), sys.stdout)`
	models := map[string]serviceModel{}
	for _, python := range programs("python3") {
		for _, module := range []string{"botocore", "awscli.botocore"} {
			out, err := exec.Command(python, "-c", program, module).Output()
			if err != nil {
				continue // a Python without it
			}
			var model serviceModel
			decode(t, out, &model)
			models[module+" of "+python] = model
		}
	}
	return models
}

// describe describes the operations, by name.
func (m serviceModel) describe(t *testing.T) map[string][]string {
	t.Helper()
	got := map[string][]string{}
	for name, op := range m.Operations {
		// A path ends in a slash where a label follows.
		path, _, _ := strings.Cut(op.HTTP.RequestURI, "{")
		got[name] = describeOperation(op.HTTP.Method, path, op.HTTP.ResponseCode,
			m.shape(t, op.Input), m.shape(t, op.Output))
		for i, line := range got[name] {
			for older, newer := range olderModels {
				if start, is := strings.CutSuffix(line, older); is {
					got[name][i] = start + newer
				}
			}
		}
	}
	return got
}

// shape returns what a reference refers to.
func (m serviceModel) shape(t *testing.T, r *modelReference) *apiShape {
	t.Helper()
	if r == nil {
		return nil
	}
	s, known := m.Shapes[r.Shape]
	if !known {
		t.Fatalf("the model has no shape %q", r.Shape)
	}
	if s.TimestampFormat != "" && s.TimestampFormat != "iso8601" {
		t.Errorf("%s has format %s, want iso8601", r.Shape, s.TimestampFormat)
	}
	element := s.Member
	if s.Type == "map" {
		element = s.Value
	}
	got := &apiShape{Type: s.Type, Union: s.Union, Element: m.shape(t, element),
		Key: m.shape(t, s.Key), Enum: s.Enum, Min: s.Min, Max: s.Max}
	for _, member := range s.Members {
		if member.LocationName != "" && member.LocationName != member.name {
			t.Errorf("%s.%s is called %s on the wire", r.Shape, member.name, member.LocationName)
		}
		got.Members = append(got.Members, apiMember{member.name,
			m.shape(t, &member.modelReference), slices.Contains(s.Required, member.name),
			member.Location})
	}
	return got
}

// sorted reports whether the members of all structures are in the order of the
// alphabet, as in older models, which is not that of the API reference.
func (m serviceModel) sorted() bool {
	for _, s := range m.Shapes {
		if !slices.IsSortedFunc(s.Members, func(a, b modelMember) int {
			return strings.Compare(a.name, b.name)
		}) {
			return false
		}
	}
	return true
}
