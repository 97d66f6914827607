package control_test

import (
	"encoding/hex"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley"
)

// tagged returns a server whose room and logging configuration have tags.
func tagged(tags map[string]string) *server {
	r, l := aRoom(), aConfiguration()
	r.Tags, l.Tags = maps.Clone(tags), maps.Clone(tags)
	return start(nil, r).with(l)
}

// tags returns the tags of a resource as the owner reads them.
func (s *server) tags(t testing.TB, arn string) map[string]string {
	t.Helper()
	w := s.send(t, owner, http.MethodGet, tagsTarget(arn), "")
	got := members(t, w.Body)
	if w.Code != http.StatusOK || len(got) != 1 {
		t.Fatalf("tags of %s: status %d, members %v, want 200 and tags alone", arn, w.Code, got)
	}
	tags := map[string]string{}
	for key, value := range got["tags"].(map[string]any) {
		tags[key] = value.(string)
	}
	return tags
}

// untag has the owner remove tags with a raw query.
func (s *server) untag(t testing.TB, arn, query string) *httptest.ResponseRecorder {
	t.Helper()
	target := tagsTarget(arn)
	r := httptest.NewRequest(http.MethodDelete, target+"?"+readQuery(query).Encode(), nil)
	sign(t, r, "", owner)
	// The signer drops what the standard library cannot parse. The signature is
	// over what the query means, however that is written.
	r.RequestURI = target + "?" + query
	return s.serve(r)
}

var percentEncoded = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// readQuery returns the parameters of a query. A percent sign that encodes nothing
// stands for itself.
func readQuery(query string) url.Values {
	values := url.Values{}
	decode := func(s string) string {
		s = strings.ReplaceAll(s, "+", " ")
		return percentEncoded.ReplaceAllStringFunc(s, func(encoded string) string {
			b, _ := hex.DecodeString(encoded[1:])
			return string(b)
		})
	}
	for part := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(part, "="); part != "" {
			values.Add(decode(name), decode(value))
		}
	}
	return values
}

// resources are the ARNs of what exists.
var resources = []string{roomARN, lcARN}

func TestListTagsForResource(t *testing.T) {
	for _, arn := range resources {
		for _, tt := range []struct {
			tags map[string]string
			want string
		}{
			{nil, `{"tags":{}}`},
			{map[string]string{}, `{"tags":{}}`},
			{map[string]string{"b": "<&>", "a key": ""}, `{"tags":{"a key":"","b":"<&>"}}`},
		} {
			w := tagged(tt.tags).send(t, owner, http.MethodGet, tagsTarget(arn), "")
			if w.Code != http.StatusOK || w.Body.String() != tt.want {
				t.Errorf("tags %v of %s: %d %s, want 200 %s", tt.tags, arn, w.Code, w.Body, tt.want)
			}
		}
	}
}

func TestTagResourceMergesAndOverwrites(t *testing.T) {
	for _, arn := range resources {
		for _, tt := range []struct {
			before map[string]string
			body   string
			want   map[string]string
		}{
			{nil, `{"tags":{}}`, map[string]string{}},
			{nil, `{"tags":{"a":"1","b key":"x y"}}`, map[string]string{"a": "1", "b key": "x y"}},
			{map[string]string{"a": "0", "c": "2"}, `{"tags":{"a":"1","A":"upper"}}`,
				map[string]string{"a": "1", "A": "upper", "c": "2"}},
			{map[string]string{"a": "0"}, `{"tags":{"a":null,"b":"1"},"unknown":5}`,
				map[string]string{"a": "0", "b": "1"}},
		} {
			s := tagged(tt.before)
			w := s.send(t, owner, http.MethodPost, tagsTarget(arn), tt.body)
			wantEmpty(t, "tag "+arn, w.Code, w.Header(), w.Body.String())
			if diff := cmp.Diff(tt.want, s.tags(t, arn)); diff != "" {
				t.Errorf("%v of %s after %s (-want +got):\n%s", tt.before, arn, tt.body, diff)
			}
		}
	}
}

func TestTagsAreCountedAfterTheMerge(t *testing.T) {
	full := tagsOf(50)
	for _, arn := range resources {
		s := tagged(full)
		overwrite := object(member("tags", map[string]string{"key0": "other"}))
		w := s.send(t, owner, http.MethodPost, tagsTarget(arn), overwrite)
		wantEmpty(t, "overwrite one of 50 tags of "+arn, w.Code, w.Header(), w.Body.String())

		w = s.send(t, owner, http.MethodPost, tagsTarget(arn), `{"tags":{"one":"more"}}`)
		want := `{"message":"1 validation error detected: Value at 'tags' failed to satisfy ` +
			`constraint: The resource can have at most 50 tags","reason":"FIELD_VALIDATION_FAILED",` +
			`"fieldList":[{"name":"tags","message":"The resource can have at most 50 tags"}]}`
		if w.Code != http.StatusBadRequest || w.Body.String() != want {
			t.Errorf("tag 51 of %s: %d %s, want 400 %s", arn, w.Code, w.Body, want)
		}
		if got := s.tags(t, arn); len(got) != 50 || got["key0"] != "other" {
			t.Errorf("after a refused tag %s has %d tags, key0 is %q, want 50 and other",
				arn, len(got), got["key0"])
		}
	}
}

func TestUntagResource(t *testing.T) {
	before := map[string]string{"a": "1", "b key": "2", "c;d": "3", "e+f": "4", "é": "5"}
	long := strings.Repeat("&tagKeys=x", 50)[1:]
	for _, arn := range resources {
		for _, tt := range []struct {
			query string
			left  []string // the keys after it, sorted
		}{
			{"tagKeys=a", []string{"b key", "c;d", "e+f", "é"}},
			{"tagKeys=a&tagKeys=a&tagKeys=unknown", []string{"b key", "c;d", "e+f", "é"}},
			{"tagKeys=A", []string{"a", "b key", "c;d", "e+f", "é"}},
			{"tagKeys=b%20key", []string{"a", "c;d", "e+f", "é"}},
			{"tagKeys=b+key", []string{"a", "c;d", "e+f", "é"}},
			{"tagKeys=e%2Bf", []string{"a", "b key", "c;d", "é"}},
			{"tagKeys=e+f", []string{"a", "b key", "c;d", "e+f", "é"}},
			{"tagKeys=c;d", []string{"a", "b key", "e+f", "é"}},
			{"tagKeys=c%3Bd&x;y", []string{"a", "b key", "e+f", "é"}},
			{"tagKeys=%C3%A9", []string{"a", "b key", "c;d", "e+f"}},
			{"tagKeys=%c3%a9", []string{"a", "b key", "c;d", "e+f"}},
			{"&&tagKeys=a&&", []string{"b key", "c;d", "e+f", "é"}},
			{"tag%4Beys=a&%zz=1", []string{"b key", "c;d", "e+f", "é"}},
			{"tagkeys=b+key&tagKeys=a", []string{"b key", "c;d", "e+f", "é"}},
			{"tagKeys=a&tagKeys=b%20key&tagKeys=c%2Fd%3Ae%2Bf~%26%3D%3F%C3%A9",
				[]string{"c;d", "e+f", "é"}},
			{"tagKeys=" + strings.Repeat("%C3%A9", 128), []string{"a", "b key", "c;d", "e+f", "é"}},
			{long, []string{"a", "b key", "c;d", "e+f", "é"}},
		} {
			s := tagged(before)
			w := s.untag(t, arn, tt.query)
			wantEmpty(t, arn+"?"+tt.query, w.Code, w.Header(), w.Body.String())
			if got := slices.Sorted(maps.Keys(s.tags(t, arn))); !slices.Equal(got, tt.left) {
				t.Errorf("%s?%s leaves tags %q, want %q", arn, tt.query, got, tt.left)
			}
		}
	}
}

func TestBadTagKeysAreRefused(t *testing.T) {
	s := tagged(map[string]string{"a": "1"})
	for _, query := range []string{
		"", "&", "tagkeys=a", "tagKeys[]=a", "x=tagKeys", // none
		"tagKeys", "tagKeys=", "tagKeys=a&tagKeys=", // an empty one
		"tagKeys=" + strings.Repeat("%C3%A9", 129), // too long
		strings.Repeat("&tagKeys=a", 51),
		"tagKeys=%", "tagKeys=a&tagKeys=%4", "tagKeys=%zz", // no percent-encoding
		"tagKeys=%FF", "tagKeys=%ED%A0%80", // no UTF-8
	} {
		w := s.untag(t, roomARN, query)
		wantRefused(t, "UntagResource ?"+query, w, "tagKeys")
	}
	if got := s.tags(t, roomARN); len(got) != 1 {
		t.Errorf("after refused requests the tags are %v, want a alone", got)
	}
}

func TestMissingTagKeysAreRequired(t *testing.T) {
	want := `{"message":"1 validation error detected: Value at 'tagKeys' failed to satisfy ` +
		`constraint: Member must not be null","reason":"FIELD_VALIDATION_FAILED",` +
		`"fieldList":[{"name":"tagKeys","message":"Member must not be null"}]}`
	for _, end := range []string{"", "?"} {
		w := tagged(nil).send(t, owner, http.MethodDelete, tagsTarget(roomARN)+end, "")
		if w.Code != http.StatusBadRequest || w.Body.String() != want {
			t.Errorf("UntagResource %s%s: %d %s, want 400 %s", roomARN, end, w.Code, w.Body, want)
		}
	}
}

func TestTagsInRequestsAreChecked(t *testing.T) {
	s := tagged(nil)
	for _, tt := range []refused{
		{"TagResource", "", "tags"},
		{"TagResource", "{}", "tags"},
		{"TagResource", `{"tags":null}`, "tags"},
		{"TagResource", `{"tags":[]}`, "tags"},
		{"TagResource", `{"tags":{"a":1}}`, "tags"},
		{"TagResource", object(member("tags", tagsOf(51))), "tags"},
		{"TagResource", `{"tags":{"":"v"}}`, "tags."},
		{"TagResource", object(member("tags", map[string]string{letters(129): "v"})),
			"tags." + letters(129)},
		{"TagResource", object(member("tags", map[string]string{letters(257): "v"})),
			"tags." + letters(256) + "…"},
		{"TagResource", object(member("tags", map[string]string{"a": text(257)})), "tags.a"},
		{"TagResource", `{"tags":{"a#":"v","b":"#"}}`, "tags.a# tags.b"},
		{"TagResource", `{"tags":{"aws:a":"v","AWS:b":"v","awsc":"v"}}`, "tags.AWS:b tags.aws:a"},
		{"TagResource", "no JSON", ""},
		{"TagResource", "[]", ""},
	} {
		checkRefused(t, s, tt)
	}
	for _, tt := range []accepted{
		{"TagResource", object(member("tags", tagsOf(50))), http.StatusOK},
		{"TagResource", object(member("tags", map[string]string{text(128): text(256), "a": ""})),
			http.StatusOK},
		{"TagResource", `{"tags":{"+ -=._:/@ Ä9":"+ -=._:/@ Ä9"}}`, http.StatusOK},
	} {
		checkAccepted(t, tt)
	}
}

// tagMethods are the methods of the operations on tags, with a query and body that
// are valid for all of them.
var tagMethods = []string{http.MethodPost, http.MethodDelete, http.MethodGet}

const (
	tagQuery = "?tagKeys=a"
	tagBody  = `{"tags":{}}`
)

func TestFormsOfResourceARNs(t *testing.T) {
	escaped := strings.TrimPrefix(tagsTarget(roomARN), "/tags/")
	lower := strings.ToLower(escaped[:strings.Index(escaped, "room")])
	for _, tt := range []struct {
		label string
		want  int
	}{
		{escaped, http.StatusOK},
		{roomARN, http.StatusOK},
		{lcARN, http.StatusOK},
		{lower + "room%2f" + roomID, http.StatusOK},
		{"arn%3Aaws%3Aivschat:us-west-2:123456789012:room/" + roomID, http.StatusOK},
		{arnOf(parley.KindRoom, 128), http.StatusNotFound},
		{lcARNOf(128), http.StatusNotFound},
		{arnOf(parley.KindRoom, 129), http.StatusBadRequest},
		{"", http.StatusBadRequest},
		{roomID, http.StatusBadRequest},
		{roomARN + "/", http.StatusBadRequest},
		{roomARN + "%0A", http.StatusBadRequest},
		{roomARN + "%2", http.StatusBadRequest},
		{escaped + "%", http.StatusBadRequest},
		{"%FF", http.StatusBadRequest},
		{strings.ReplaceAll(escaped, "%", "%25"), http.StatusBadRequest},
		{strings.Replace(roomARN, "room", "channel", 1), http.StatusBadRequest},
		{strings.Replace(roomARN, "room", "r", 1), http.StatusBadRequest},
		{"arn:aws:s3:::bucket", http.StatusBadRequest},
	} {
		for _, method := range tagMethods {
			s := start(nil, aRoom()).with(aConfiguration())
			r := httptest.NewRequest(method, "/tags/"+tagQuery, strings.NewReader(tagBody))
			r.URL.Opaque = "//" + r.Host + "/tags/" + tt.label // what the signer signs
			r.RequestURI = "/tags/" + tt.label + tagQuery
			w := s.serve(sign(t, r, tagBody, owner))
			if w.Code != tt.want {
				t.Errorf("%s /tags/%s: status %d, want %d; body %s",
					method, tt.label, w.Code, tt.want, w.Body)
			}
			if w.Code == http.StatusBadRequest {
				wantRefused(t, method+" /tags/"+tt.label, w, "resourceArn")
			}
		}
	}
}

func TestFormOfResourceARNErrors(t *testing.T) {
	const pattern = `^arn:aws:ivschat:[a-z0-9-]+:[0-9]+:room/[a-zA-Z0-9-]+$|` +
		`^arn:aws:ivschat:[a-z0-9-]+:[0-9]+:logging-configuration/[a-zA-Z0-9-]+$`
	w := start(nil).send(t, owner, http.MethodGet, "/tags/room", "")
	want := `{"message":"1 validation error detected: Value 'room' at 'resourceArn' failed to ` +
		`satisfy constraint: Member must satisfy regular expression pattern: ` + pattern + `",` +
		`"reason":"FIELD_VALIDATION_FAILED","fieldList":[{"name":"resourceArn",` +
		`"message":"Member must satisfy regular expression pattern: ` + pattern + `"}]}`
	if w.Body.String() != want {
		t.Errorf("tags of room: %s, want %s", w.Body, want)
	}
}

func TestUnknownResourcesHaveNoTags(t *testing.T) {
	for _, arn := range resources {
		resource := map[string]any{"message": "Resource: " + arn + " not found",
			"resourceId": roomID, "resourceType": "ROOM"}
		if arn == lcARN {
			resource["resourceId"], resource["resourceType"] = lcID, "LOGGING_CONFIGURATION"
		}
		for _, method := range tagMethods {
			for name, s := range map[string]*server{"nothing": start(nil), "the world": tagged(nil)} {
				by := owner
				if name == "the world" {
					by = stranger
				}
				w := s.send(t, by, method, tagsTarget(arn)+tagQuery, tagBody)
				got := members(t, w.Body)
				if w.Code != http.StatusNotFound || !cmp.Equal(got, resource) {
					t.Errorf("%s tags of %s by %s, where %s exists: %d %v, want 404 %v",
						method, arn, by.key, name, w.Code, got, resource)
				}
			}
		}
	}
}

func TestTagsOfAnotherWorldAreOutOfReach(t *testing.T) {
	before := map[string]string{"a": "1"}
	for _, arn := range resources {
		for _, by := range []caller{stranger, abroad} {
			s := tagged(before)
			for _, method := range tagMethods {
				w := s.send(t, by, method, tagsTarget(arn)+tagQuery, `{"tags":{"a":"2"}}`)
				if w.Code != http.StatusNotFound {
					t.Errorf("%s tags of %s by %s in %s: status %d, want 404",
						method, arn, by.key, by.region, w.Code)
				}
			}
			if got := s.tags(t, arn); !cmp.Equal(got, before) {
				t.Errorf("%s in %s changed tags of %s to %v, want %v", by.key, by.region, arn, got, before)
			}
		}
	}
}

// TestTagChangesLeaveTheRest is about the times above all: lists are ordered by
// them.
func TestTagChangesLeaveTheRest(t *testing.T) {
	s := tagged(map[string]string{"a": "1"})
	for _, arn := range resources {
		for _, method := range tagMethods {
			w := s.send(t, owner, method, tagsTarget(arn)+tagQuery, `{"tags":{"b":"2"}}`)
			if w.Code != http.StatusOK {
				t.Errorf("%s tags of %s: status %d, want 200; body %s", method, arn, w.Code, w.Body)
			}
		}
	}
	wantRoom, wantConfiguration := aRoom(), aConfiguration()
	wantRoom.Tags = map[string]string{"b": "2"}
	wantConfiguration.Tags = wantRoom.Tags
	if diff := cmp.Diff(wantRoom, s.store.rooms[wantRoom.ARN]); diff != "" {
		t.Errorf("room after changes of tags (-want +got):\n%s", diff)
	}
	got := s.store.configurations[wantConfiguration.ARN]
	if diff := cmp.Diff(wantConfiguration, got); diff != "" {
		t.Errorf("logging configuration after changes of tags (-want +got):\n%s", diff)
	}
}

// TestStoredTagsAreNotWrittenTo guards those who hold a room while it changes.
func TestStoredTagsAreNotWrittenTo(t *testing.T) {
	s := tagged(map[string]string{"a": "1"})
	before := []map[string]string{
		s.store.rooms[aRoom().ARN].Tags, s.store.configurations[aConfiguration().ARN].Tags}
	for _, arn := range resources {
		for _, method := range tagMethods {
			s.send(t, owner, method, tagsTarget(arn)+tagQuery, `{"tags":{"b":"2"}}`)
		}
	}
	for i, tags := range before {
		if want := map[string]string{"a": "1"}; !cmp.Equal(tags, want) {
			t.Errorf("the tags held of %s became %v, want %v", resources[i], tags, want)
		}
	}
}

func TestTagsAreShownOnTheResource(t *testing.T) {
	s := tagged(nil)
	for arn, operation := range map[string]string{
		roomARN: "GetRoom", lcARN: "GetLoggingConfiguration",
	} {
		s.send(t, owner, http.MethodPost, tagsTarget(arn), `{"tags":{"a":"1"}}`)
		got := s.must(t, operation, valid(operation))["tags"]
		if want := any(map[string]any{"a": "1"}); !cmp.Equal(got, want) {
			t.Errorf("%s after TagResource: tags %v, want %v", operation, got, want)
		}
	}
}

// FuzzTagQuery has UntagResource called with any query: it removes just the tags
// that the query names, or refuses.
func FuzzTagQuery(f *testing.F) {
	for _, seed := range []string{
		"", "&", "tagKeys=a", "tagKeys=a&tagKeys=b%20key", "tagKeys=b+key", "tagKeys=e%2Bf",
		"tagKeys=c;d", "tagKeys", "tagKeys=", "tagKeys=%", "tagKeys=%zz", "tagKeys=%FF&tagKeys=a",
		"tag%4Beys=a", "x=tagKeys&a", "tagKeys=a=b", "tagKeys=?", "tagKeys=%00", "%zz=1&tagKeys=%c3%a9",
		"X-Amz-Algorithm=x&tagKeys=a", strings.Repeat("&tagKeys=a", 51), "tagKeys=" + letters(129),
	} {
		f.Add(seed)
	}
	before := map[string]string{"a": "1", "b key": "2", "c;d": "3", "e+f": "4", "é": "5", "a=b": "6"}
	f.Fuzz(func(t *testing.T, query string) {
		s := tagged(before)
		w := s.untag(t, roomARN, query)
		if w.Code >= 500 || s.log.Len() > 0 {
			t.Fatalf("?%q: status %d, log %s", query, w.Code, s.log)
		}
		values := readQuery(query)
		want := maps.Clone(before)
		switch w.Code {
		case http.StatusOK:
			for _, key := range values["tagKeys"] {
				delete(want, key)
			}
		case http.StatusForbidden: // it has parameters of a signature, or the signer sorts otherwise
		default:
			wantRefused(t, "?"+query, w, "tagKeys")
			if keys := values["tagKeys"]; validKeys(keys) {
				t.Errorf("?%q: status %d, but keys %q are valid", query, w.Code, keys)
			}
		}
		if got := s.tags(t, roomARN); !maps.Equal(got, want) {
			t.Errorf("?%q: status %d leaves tags %q, want %q", query, w.Code, got, want)
		}
	})
}

// validKeys reports whether keys are certain to be right: a percent sign may be
// one that encodes nothing.
func validKeys(keys []string) bool {
	wrong := func(key string) bool {
		n := utf8.RuneCountInString(key)
		return n < 1 || n > 128 || !utf8.ValidString(key) || strings.Contains(key, "%")
	}
	return len(keys) >= 1 && len(keys) <= 50 && !slices.ContainsFunc(keys, wrong)
}
