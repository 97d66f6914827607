// Package console serves the web console: a page that signs its own calls to the
// control plane and speaks the messaging plane itself, so that it needs nothing of
// this package but its files and a few settings. The files are built from the folder
// console at the root of the repository, and are part of the binary.
//
// Nothing here is secret, and nothing is decided here: what a user of the console may
// do is what the access key may do, with which each call is signed.
package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed dist
var built embed.FS

// Path is where the console is served. What is below it is the console's alone.
const Path = "/console/"

// settingsFile is the one file that is not built.
const settingsFile = "settings.json"

// policy is the Content-Security-Policy of every page: scripts, styles, pictures,
// frames and connections of this server alone, WebSockets included, and nothing that
// turns text into code or markup.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; " +
	"form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// How long browsers may keep a file. The name of what is in assets changes with what
// is in it; the other files are asked for anew each time.
const (
	cacheForEver = "public, max-age=31536000, immutable"
	revalidate   = "no-cache"
	cacheNever   = "no-store"
)

// contentTypes are those of all files that a build may make, by extension.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// Key is an access key.
type Key struct {
	ID     string `json:"accessKeyId"`
	Secret string `json:"secretAccessKey"`
}

// Settings are what the page is told about the server.
type Settings struct {
	// Regions are those that calls may be signed for. The first is the default.
	Regions []string `json:"regions"`
	// Key signs the page in, if it is set. It is for servers whose key is no secret.
	Key *Key `json:"key,omitempty"`
}

// Handler serves the console. Its methods may be called from any goroutine.
type Handler struct {
	files map[string]file // by path below Path
}

// file is a file as it is sent.
type file struct {
	contentType, cache, tag string
	plain                   []byte
	gzipped                 func() []byte // made when it is first asked for
}

// New returns a handler of everything below Path, and of Path without its slash.
func New(s Settings) (*Handler, error) {
	h := &Handler{files: map[string]file{}}
	settings, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("settings of the console: %w", err)
	}
	h.files[settingsFile] = newFile(settingsFile, settings)
	err = fs.WalkDir(built, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := built.ReadFile(name)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, "dist/")
		h.files[name] = newFile(name, text)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the console: %w", err)
	}
	return h, nil
}

func newFile(name string, text []byte) file {
	sum := sha256.Sum256(text)
	f := file{
		contentType: contentTypes[path.Ext(name)],
		cache:       revalidate,
		tag:         `"` + hex.EncodeToString(sum[:16]) + `"`,
		plain:       text,
		gzipped:     sync.OnceValue(func() []byte { return compress(text) }),
	}
	switch {
	case name == settingsFile:
		f.cache = cacheNever
	case strings.HasPrefix(name, "assets/"):
		f.cache = cacheForEver
	}
	return f
}

func compress(text []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one that exists
	_, _ = w.Write(text)                                  // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// Handles reports whether a path, as it arrives, belongs to the console.
func Handles(path string) bool {
	return strings.HasPrefix(path, Path) || path == strings.TrimSuffix(Path, "/")
}

// ServeHTTP answers one request. The page finds everything by relative addresses, so a
// proxy may serve the console, and the rest of the server, below a prefix of its own.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "The console is only read.", http.StatusMethodNotAllowed)
		return
	}
	name, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(name, Path) {
		redirect(w, strings.Trim(Path, "/")+"/")
		return
	}
	name = strings.TrimPrefix(name, Path)
	if _, folder := h.files[name+"/index.html"]; folder {
		redirect(w, path.Base(name)+"/")
		return
	}
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	f, ok := h.files[name]
	if !ok {
		http.Error(w, "The console has no such file.", http.StatusNotFound)
		return
	}
	f.serve(w, r)
}

// redirect sends the client to an address that is relative, as http.Redirect's is not.
func redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusPermanentRedirect)
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", f.cache)
	header.Set("Etag", f.tag)
	header.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		body = f.gzipped()
	}
	header.Set("Content-Type", f.contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // a client that is gone needs nothing
	}
}
