package console_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/console"
)

var regions = []string{"us-east-1", "eu-west-1"}

func newHandler(t *testing.T, s console.Settings) *console.Handler {
	t.Helper()
	h, err := console.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask asks for a path, with headers in pairs.
func ask(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func read(t *testing.T, body io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// assetPattern finds the files that a page names.
var assetPattern = regexp.MustCompile(`(?:src|href)="([^"]+)"`)

// assets returns the paths of the files that the start page names.
func assets(t *testing.T, h http.Handler) []string {
	t.Helper()
	page := read(t, ask(t, h, "GET", console.Path).Body)
	var paths []string
	for _, match := range assetPattern.FindAllStringSubmatch(page, -1) {
		relative, ok := strings.CutPrefix(match[1], "./")
		if !ok {
			t.Errorf("the page names %q, want an address that is relative to it", match[1])
		}
		paths = append(paths, console.Path+relative)
	}
	if len(paths) < 3 {
		t.Fatalf("the page names %q, want a script, a style and an icon", paths)
	}
	return paths
}

func TestFilesAreServed(t *testing.T) {
	h := newHandler(t, console.Settings{Regions: regions})
	types := map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	}
	for _, path := range assets(t, h) {
		res := ask(t, h, "GET", path)
		want := types[path[strings.LastIndex(path, "."):]]
		if got := res.Header.Get("Content-Type"); res.StatusCode != 200 || got != want {
			t.Errorf("%s: %d, type %q, want 200 and %q", path, res.StatusCode, got, want)
		}
		if got := res.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control %q, want immutable: its name has its hash", path, got)
		}
	}
}

func TestPagesAreAskedForAnew(t *testing.T) {
	h := newHandler(t, console.Settings{Regions: regions})
	first := ask(t, h, "GET", console.Path)
	if got := first.Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("Cache-Control of the page is %q, want no-cache", got)
	}
	again := ask(t, h, "GET", console.Path, "If-None-Match", first.Header.Get("Etag"))
	if body := read(t, again.Body); again.StatusCode != 304 || body != "" {
		t.Errorf("with the page's Etag: %d and %d bytes, want 304 and none", again.StatusCode, len(body))
	}
}

func TestFilesAreCompressed(t *testing.T) {
	h := newHandler(t, console.Settings{Regions: regions})
	for _, path := range assets(t, h) {
		plain := read(t, ask(t, h, "GET", path).Body)
		zipped := ask(t, h, "GET", path, "Accept-Encoding", "br, gzip")
		if got := zipped.Header.Get("Content-Encoding"); got != "gzip" {
			t.Fatalf("%s: Content-Encoding %q, want gzip", path, got)
		}
		unzipped, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(err)
		}
		if read(t, unzipped) != plain {
			t.Errorf("%s is another text when it is compressed", path)
		}
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h := newHandler(t, console.Settings{Regions: regions})
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	}
	for _, path := range []string{"/console", "/console/", "/console/settings.json", "/console/none"} {
		header := ask(t, h, "GET", path).Header
		for name, value := range want {
			if got := header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got, value)
			}
		}
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q, want one that allows nothing by default and nothing unsafe",
				path, policy)
		}
		if got := header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s: pages of %s may read it, want none", path, got)
		}
	}
}

// TestRedirectsAreRelative: behind a proxy, the server does not know the prefix.
func TestRedirectsAreRelative(t *testing.T) {
	h := newHandler(t, console.Settings{Regions: regions})
	res := ask(t, h, "GET", "/console")
	if got := res.Header.Get("Location"); res.StatusCode != 308 || got != "console/" {
		t.Errorf("/console: %d to %q, want 308 to console/", res.StatusCode, got)
	}
}

func TestSettings(t *testing.T) {
	tests := []struct {
		name     string
		settings console.Settings
		want     string
	}{
		{"without a key", console.Settings{Regions: regions}, `{"regions":["us-east-1","eu-west-1"]}`},
		{"with a key", console.Settings{Regions: regions, Key: &console.Key{ID: "a", Secret: "b"}},
			`{"regions":["us-east-1","eu-west-1"],"key":{"accessKeyId":"a","secretAccessKey":"b"}}`},
	}
	for _, test := range tests {
		res := ask(t, newHandler(t, test.settings), "GET", "/console/settings.json")
		if got := read(t, res.Body); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if got := res.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q, want no-store", test.name, got)
		}
	}
}

func TestWhatTheConsoleRefuses(t *testing.T) {
	h := newHandler(t, console.Settings{Regions: regions})
	tests := []struct {
		method, path string
		status       int
	}{
		{"POST", "/console/", 405},
		{"OPTIONS", "/console/settings.json", 405},
		{"GET", "/console/none", 404},
		{"GET", "/console/assets/", 404},
		{"GET", "/console/../console/", 404},
		{"GET", "/console/%2e%2e/credentials", 404},
		{"GET", "/console//", 404},
		{"HEAD", "/console/", 200},
	}
	for _, test := range tests {
		res := ask(t, h, test.method, test.path)
		if res.StatusCode != test.status {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, res.StatusCode, test.status)
		}
		if body := read(t, res.Body); test.method == "HEAD" && body != "" {
			t.Errorf("%s %s has a body: %q", test.method, test.path, body)
		}
	}
}

// TestTheMessagingSDKIsNotShipped: its licence does not allow that, and only tests use it.
// The snippets name the package, so this looks for a word that is in its code alone.
func TestTheMessagingSDKIsNotShipped(t *testing.T) {
	err := fs.WalkDir(os.DirFS("dist"), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join("dist", name))
		if strings.Contains(string(text), "fetchTokenError") {
			t.Errorf("%s has code of amazon-ivs-chat-messaging in it", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestHandles(t *testing.T) {
	for path, want := range map[string]bool{
		"/console": true, "/console/": true, "/console/assets/a.js": true,
		"/": false, "/consoles": false, "/CreateRoom": false, "/x/console/": false,
	} {
		if got := console.Handles(path); got != want {
			t.Errorf("Handles(%q) = %t, want %t", path, got, want)
		}
	}
}
