package control_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parley-chat/parley"
)

// place is where a request of an operation holds a value of a shape.
type place struct {
	op       parley.Operation
	name     string // as an answer calls it: dotted, and the entries of a list as the list
	shape    *parley.Shape
	textOnly bool // whether it can hold texts alone, as a path and the keys of a map do
	// send sends a request that has value in this place, and is valid besides.
	send func(t *testing.T, s *server, value any) *httptest.ResponseRecorder
}

// in returns a place within p, where wrap makes the value of p from that in the place.
func (p place) in(name string, shape *parley.Shape, wrap func(value any) any) place {
	within := place{op: p.op, name: name, shape: shape}
	within.send = func(t *testing.T, s *server, value any) *httptest.ResponseRecorder {
		t.Helper()
		return p.send(t, s, wrap(value))
	}
	return within
}

// places returns every place in the requests of an operation, at every depth.
func places(op parley.Operation) []place {
	var found []place
	for _, m := range op.Input().Members {
		p := place{op: op, name: m.Name, shape: m.Shape, textOnly: m.Location != parley.InBody}
		switch m.Location {
		case parley.InBody:
			p.send = sendInBody(op, m.Name)
		case parley.InPath:
			p.send = sendInPath(op)
		case parley.InQuery:
			p.send = sendInQuery(op, m.Name)
		}
		found = append(found, p.all()...)
	}
	return found
}

// all returns p and the places within it.
func (p place) all() []place {
	found := []place{p}
	switch p.shape.Type {
	case parley.Structure:
		for _, m := range p.shape.Members {
			found = append(found, p.in(p.name+"."+m.Name, m.Shape, func(value any) any {
				return map[string]any{m.Name: value}
			}).all()...)
		}
	case parley.List:
		entry := p.in(p.name, p.shape.Element, func(value any) any { return []any{value} })
		entry.textOnly = p.textOnly
		found = append(found, entry.all()...)
	case parley.Map:
		key := p.in(p.name, p.shape.Key, func(value any) any {
			return map[string]any{value.(string): "v"}
		})
		key.textOnly = true
		value := p.in(p.name, p.shape.Element, func(value any) any {
			return map[string]any{"k": value}
		})
		found = append(found, key, value)
	}
	return found
}

// sendInBody returns what sends requests with a value in a member of the body.
func sendInBody(
	op parley.Operation, name string,
) func(*testing.T, *server, any) *httptest.ResponseRecorder {
	return func(t *testing.T, s *server, value any) *httptest.ResponseRecorder {
		t.Helper()
		others := slices.DeleteFunc(slices.Clone(required[op.Name]), func(m string) bool {
			return strings.HasPrefix(m, `"`+name+`":`)
		})
		return s.call(t, owner, op.Name, object(append(others, member(name, value))...))
	}
}

// sendInPath returns what sends requests that are about a value.
func sendInPath(op parley.Operation) func(*testing.T, *server, any) *httptest.ResponseRecorder {
	return func(t *testing.T, s *server, value any) *httptest.ResponseRecorder {
		t.Helper()
		target := tagsTarget(value.(string))
		if op.Method == http.MethodDelete {
			target += "?tagKeys=k"
		}
		return s.send(t, owner, op.Method, target, object(required[op.Name]...))
	}
}

// sendInQuery returns what sends requests with the texts of a list in the query.
func sendInQuery(
	op parley.Operation, name string,
) func(*testing.T, *server, any) *httptest.ResponseRecorder {
	return func(t *testing.T, s *server, value any) *httptest.ResponseRecorder {
		t.Helper()
		query := url.Values{}
		for _, text := range value.([]any) {
			query.Add(name, text.(string))
		}
		return s.send(t, owner, op.Method, tagsTarget(roomARN)+"?"+query.Encode(), "")
	}
}

// complaint returns what an answer says is wrong with the value in p, or with one
// within it; empty when that is nothing.
func (p place) complaint(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code != http.StatusBadRequest {
		return ""
	}
	list, _ := members(t, w.Body)["fieldList"].([]any)
	for _, entry := range list {
		field := entry.(map[string]any)
		name := field["name"].(string)
		if name == p.name || strings.HasPrefix(name, p.name+".") {
			return field["message"].(string)
		}
	}
	return ""
}

// eachPlace calls test for every place in the requests of all operations.
func eachPlace(t *testing.T, test func(t *testing.T, p place)) {
	t.Helper()
	for _, op := range parley.Operations {
		t.Run(op.Name, func(t *testing.T) {
			for _, p := range places(op) {
				test(t, p)
			}
		})
	}
}

// wellKnown is a server with what requests are about.
func wellKnown() *server { return start(nil, aRoom()).with(aConfiguration()) }

// TestEveryMemberIsRead checks that no member of a request is ignored: a value of the
// wrong type is refused in each.
func TestEveryMemberIsRead(t *testing.T) {
	eachPlace(t, func(t *testing.T, p place) {
		if p.textOnly {
			return
		}
		wrong := any("text")
		if p.shape.Type == parley.String {
			wrong = map[string]any{}
		}
		w := p.send(t, wellKnown(), wrong)
		if answer := w.Body.String(); p.complaint(t, w) == "" || errorType(w) != "ValidationException" {
			t.Errorf("%v as %s: status %d, %s, want a ValidationException that names it",
				wrong, p.name, w.Code, answer)
		}
	})
}

// TestRequiredMembersAreRequired checks of every member in a body, at every depth,
// whether requests need it.
func TestRequiredMembersAreRequired(t *testing.T) {
	check := func(t *testing.T, p place, m parley.Member, w *httptest.ResponseRecorder) {
		t.Helper()
		if got := p.complaint(t, w) != ""; got != m.Required {
			t.Errorf("without %s in %s: status %d, refused for it: %t, want %t",
				m.Name, p.op.Name, w.Code, got, m.Required)
		}
	}
	for _, op := range parley.Operations {
		for _, m := range op.Input().Members {
			if m.Location == parley.InBody {
				w := sendInBody(op, m.Name)(t, wellKnown(), nil)
				check(t, place{op: op, name: m.Name}, m, w)
			}
		}
	}
	eachPlace(t, func(t *testing.T, p place) {
		for _, m := range p.shape.Members {
			if !p.shape.Union { // of which any member alone is enough
				check(t, p, m, p.send(t, wellKnown(), map[string]any{}))
			}
		}
	})
}

func TestEnumsAreClosed(t *testing.T) {
	eachPlace(t, func(t *testing.T, p place) {
		for _, value := range p.shape.Enum {
			if w := p.send(t, wellKnown(), value); w.Code != p.op.Status {
				t.Errorf("%s %s: status %d, want %d; %s", p.name, value, w.Code, p.op.Status, w.Body)
			}
			w := p.send(t, wellKnown(), strings.ToLower(value))
			if p.complaint(t, w) == "" {
				t.Errorf("%s %s: status %d, want a complaint", p.name, strings.ToLower(value), w.Code)
			}
		}
	})
}

// boundComplaint matches what is said of a value that is too short, long, small or large.
var boundComplaint = regexp.MustCompile(
	`^Member must have (length|value) (greater|less) than or equal to \d+$`)

// TestBoundsAreEnforced checks both ends of every documented range, and one past each.
func TestBoundsAreEnforced(t *testing.T) {
	eachPlace(t, func(t *testing.T, p place) {
		least, most := p.shape.Min, p.shape.Max
		if least == 0 && most == 0 {
			return
		}
		for _, n := range []int{least, most} {
			value, valid := p.sized(n)
			w := p.send(t, wellKnown(), value)
			switch complaint := p.complaint(t, w); {
			case boundComplaint.MatchString(complaint):
				t.Errorf("%s of %d: %q, want it to be within %d to %d",
					p.name, n, complaint, least, most)
			case valid && w.Code == http.StatusBadRequest:
				t.Errorf("%s of %d: status %d, want it to be accepted; it said %q",
					p.name, n, w.Code, complaint)
			}
		}
		for _, n := range []int{least - 1, most + 1} {
			if n < 0 && p.shape.Type != parley.Integer || n == 0 && emptyIsNone[p.op.Name+"."+p.name] {
				continue
			}
			value, _ := p.sized(n)
			complaint := p.complaint(t, p.send(t, wellKnown(), value))
			if !boundComplaint.MatchString(complaint) {
				t.Errorf("%s of %d: %q, want it to be past the bounds %d to %d",
					p.name, n, complaint, least, most)
			}
		}
	})
}

// emptyIsNone holds the filters whose empty value is no filter, although the API
// documents a least length: skeletons of requests hold empty texts.
var emptyIsNone = map[string]bool{"ListRooms.loggingConfigurationIdentifier": true}

// sized returns a value for p of a number of characters or entries, or the number
// itself. It is valid unless no value of that size is, or none that does not come from
// the server.
func (p place) sized(n int) (value any, valid bool) {
	switch p.shape.Type {
	case parley.Integer:
		return n, true
	case parley.List:
		entry, _ := p.all()[1].sized(p.shape.Element.Max)
		return slices.Repeat([]any{entry}, n), n > 0 || !p.textOnly // an empty one is no query
	case parley.Map:
		entries := map[string]any{}
		for i := range n {
			entries[fmt.Sprint("k", i)] = "v"
		}
		return entries, true
	}
	prefix := p.prefix()
	if n < len(prefix) {
		return letters(n), n == 0 && prefix == lambda
	}
	return prefix + letters(n-len(prefix)), p.name != "nextToken"
}

// prefix returns how every valid text in p begins, unless that is empty.
func (p place) prefix() string {
	kind := p.op.Kind
	switch name := p.name[strings.LastIndex(p.name, ".")+1:]; name {
	case "uri", "messageReviewHandlerUri":
		return lambda
	case "loggingConfigurationIdentifier", "loggingConfigurationIdentifiers":
		kind = parley.KindLoggingConfiguration
	case "resourceArn":
		kind = parley.KindRoom
	case "identifier", "roomIdentifier":
	default:
		return ""
	}
	return "arn:aws:ivschat:" + region + ":" + account + ":" + string(kind) + "/"
}

// answers has the server give every member that any answer can have, and returns the
// answers by operation.
func answers(t *testing.T) map[string][]any {
	t.Helper()
	got := map[string][]any{}
	ask := func(s *server, operation string, more ...string) map[string]any {
		t.Helper()
		w := s.call(t, owner, operation, valid(operation, more...))
		if w.Code/100 != 2 {
			t.Fatalf("%s %v: status %d, %s", operation, more, w.Code, w.Body)
		}
		answer := map[string]any{}
		if w.Body.Len() > 0 {
			answer = members(t, w.Body)
		}
		got[operation] = append(got[operation], answer)
		return answer
	}
	s := wellKnown()
	handler := `"messageReviewHandler":{"uri":"` + lambda + `","fallbackResult":"DENY"}`
	full := []string{member("name", "hall"), handler, logs(lcARN)}
	ask(s, "CreateRoom")
	ask(s, "CreateRoom", append(full, member("tags", tagsOf(2)))...)
	ask(s, "GetRoom")
	ask(s, "UpdateRoom", full...)
	ask(s, "GetRoom")
	ask(s, "ListRooms")
	ask(s, "ListRooms", member("maxResults", 1))
	for _, to := range []string{toS3("chat-logs"), toGroup("chat"), toStream("chat")} {
		ask(s, "CreateLoggingConfiguration", to, member("tags", tagsOf(1)))
		ask(s, "UpdateLoggingConfiguration", to, member("name", "archive"))
		ask(s, "GetLoggingConfiguration")
		ask(s, "ListLoggingConfigurations")
	}
	ask(s, "ListLoggingConfigurations", member("maxResults", 1))
	for _, operation := range []string{"CreateChatToken", "SendEvent", "DeleteMessage",
		"DisconnectUser", "TagResource", "ListTagsForResource", "UntagResource", "DeleteRoom"} {
		ask(s, operation)
	}
	ask(wellKnown(), "DeleteLoggingConfiguration")
	return got
}

// TestAnswersHaveTheirShapes checks that the answers of each operation have no other
// members than documented, all of which occur.
func TestAnswersHaveTheirShapes(t *testing.T) {
	given := answers(t)
	for _, op := range parley.Operations {
		seen := map[string]bool{}
		for _, answer := range given[op.Name] {
			checkShape(t, op.Name, op.Output(), answer, seen)
		}
		want := map[string]bool{}
		allMembers(op.Name, op.Output(), want)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if !seen[name] {
				t.Errorf("no answer has %s", name)
			}
		}
	}
}

// allMembers adds to names the paths of all members within a shape.
func allMembers(path string, shape *parley.Shape, names map[string]bool) {
	if shape.Type == parley.List {
		allMembers(path, shape.Element, names)
	}
	for _, m := range shape.Members {
		names[path+"."+m.Name] = true
		allMembers(path+"."+m.Name, m.Shape, names)
	}
}

// checkShape checks a value of an answer, and adds to seen the paths of all members
// within it.
func checkShape(
	t *testing.T, path string, shape *parley.Shape, value any, seen map[string]bool,
) {
	t.Helper()
	switch shape.Type {
	case parley.Structure:
		checkStructure(t, path, shape, value, seen)
	case parley.List:
		list, ok := value.([]any)
		checkCount(t, path, shape, len(list), ok)
		for _, entry := range list {
			checkShape(t, path, shape.Element, entry, seen)
		}
	case parley.Map:
		entries, ok := value.(map[string]any)
		checkCount(t, path, shape, len(entries), ok)
		for key, entry := range entries {
			checkShape(t, path, shape.Key, key, seen)
			checkShape(t, path, shape.Element, entry, seen)
		}
	case parley.Integer:
		n, ok := value.(float64)
		checkCount(t, path, shape, int(n), ok && n == float64(int(n)))
	case parley.Timestamp:
		text, _ := value.(string)
		if _, err := time.Parse("2006-01-02T15:04:05Z", text); err != nil {
			t.Errorf("%s is %v, want a time", path, value)
		}
	case parley.String:
		text, ok := value.(string)
		checkCount(t, path, shape, utf8.RuneCountInString(text), ok)
		if len(shape.Enum) > 0 && !slices.Contains(shape.Enum, text) {
			t.Errorf("%s is %q, want one of %q", path, text, shape.Enum)
		}
	}
}

// checkCount checks the type of a value and the size that bounds are about.
func checkCount(t *testing.T, path string, shape *parley.Shape, n int, ok bool) {
	t.Helper()
	bounded := shape.Min != 0 || shape.Max != 0
	if !ok || bounded && (n < shape.Min || n > shape.Max) {
		t.Errorf("%s has the wrong type, or size %d, which is not %d to %d",
			path, n, shape.Min, shape.Max)
	}
}

func checkStructure(
	t *testing.T, path string, shape *parley.Shape, value any, seen map[string]bool,
) {
	t.Helper()
	object, ok := value.(map[string]any)
	if !ok || shape.Union && len(object) != 1 {
		t.Errorf("%s is %v, want an object, and of a union one member", path, value)
	}
	for name, entry := range object {
		m, known := shape.Member(name)
		if !known {
			t.Errorf("%s has a member %s, which is not documented", path, name)
			continue
		}
		seen[path+"."+name] = true
		checkShape(t, path+"."+name, m.Shape, entry, seen)
	}
	for _, m := range shape.Members {
		if _, given := object[m.Name]; m.Required && !shape.Union && !given {
			t.Errorf("%s lacks %s", path, m.Name)
		}
	}
}
