package parley_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/parley-chat/parley"

// The packages of this module by ring, from the inside out. Imports point
// inward, and the packages of one ring do not import each other.
var (
	vocabulary = []string{"."}
	mechanisms = []string{"internal/wire", "internal/sigv4", "internal/policy", "internal/token",
		"internal/metrics", "internal/trace", "internal/notice", "internal/webhook"}
	machinery = []string{"internal/fanout"}
	rooms     = []string{"internal/hub"}
	edges     = []string{"internal/control", "internal/messaging", "internal/store",
		"internal/review", "internal/chatlog", "internal/console", "internal/listen",
		"internal/otlp", "internal/export"}
	clients = []string{"client"}
	wiring  = []string{"internal/app", "internal/app/config"}
	// These are for command lines only.
	loads    = []string{"internal/load", "internal/load/sockets"}
	commands = []string{"internal/api", "internal/awscli", "internal/awscli/input",
		"internal/awscli/output", "internal/chatui"}
)

// What rows of the table are made of.
var (
	// Parts of edges, for the wiring.
	parts = []string{"internal/store/engine", "internal/store/backup", "internal/store/snapshot"}

	toRooms    = slices.Concat(vocabulary, mechanisms, machinery, rooms)
	toEdges    = slices.Concat(toRooms, edges, clients)
	everything = slices.Concat(toEdges, parts, wiring)
)

// The modules that rows name.
const (
	anyModule  = "any" // but for NATS, which has to be named
	nats       = "github.com/nats-io"
	prometheus = "github.com/prometheus/client_golang"
	promModel  = "github.com/prometheus/client_model"
	tink       = "github.com/tink-crypto/tink-go/v2"
	cbor       = "github.com/fxamacker/cbor/v2"
	xsys       = "golang.org/x/sys"
	gobwas     = "github.com/gobwas/ws"
	aws        = "github.com/aws/aws-sdk-go-v2"
	acme       = "golang.org/x/crypto/acme"
	proxyproto = "github.com/pires/go-proxyproto"
	yaml       = "go.yaml.in/yaml/v3"
	xtext      = "golang.org/x/text"
	otlp       = "go.opentelemetry.io/proto/otlp"
	protobuf   = "google.golang.org/protobuf"

	koanf        = "github.com/knadh/koanf"
	mapstructure = "github.com/go-viper/mapstructure/v2"
	xnet         = "golang.org/x/net"
)

// row says what one package may import, besides the standard library.
type row struct {
	pkg     string   // its folder
	ours    []string // packages of this module
	outside []string // modules
}

// table says who may import whom. Test files are free. A change of an existing
// row takes an architecture decision record, in docs/adr.
var table = []row{
	{".", nil, nil},
	{"internal/wire", vocabulary, nil},
	{"internal/sigv4", vocabulary, nil},
	{"internal/policy", vocabulary, nil},
	{"internal/token", vocabulary, []string{tink, cbor}},
	{"internal/metrics", vocabulary, []string{prometheus, promModel}},
	{"internal/trace", vocabulary, nil},
	{"internal/notice", vocabulary, nil},
	{"internal/webhook", nil, nil},
	{"internal/fanout", []string{".", "internal/metrics"}, []string{xsys}},
	{"internal/hub", slices.Concat(vocabulary, mechanisms, machinery), nil},
	{"internal/control", toRooms, []string{anyModule}},
	{"internal/messaging", toRooms, []string{anyModule}},
	{"internal/store", slices.Concat(toRooms, []string{"internal/store/engine", "internal/store/bus",
		"internal/store/bucket", "internal/store/marks", "internal/store/record"}),
		[]string{anyModule, nats}},
	{"internal/store/engine", nil, []string{nats}},
	{"internal/store/bus", nil, []string{nats}},
	{"internal/store/bucket", []string{"internal/store/engine"}, []string{nats}},
	{"internal/store/marks", []string{".", "internal/store/engine", "internal/store/bucket"},
		[]string{nats}},
	{"internal/store/record", vocabulary, nil},
	{"internal/store/backup", vocabulary, nil},
	{"internal/store/snapshot", []string{".", "internal/store", "internal/store/backup",
		"internal/store/record"}, nil},
	{"internal/review", toRooms, []string{anyModule}},
	{"internal/chatlog", slices.Concat(toRooms, []string{"internal/chatlog/queue", "internal/awsconfig"}),
		[]string{anyModule}},
	{"internal/chatlog/queue", nil, nil},
	{"internal/chatlog/awstest", nil, []string{aws}}, // in nobody's row: for tests only
	{"internal/console", toRooms, []string{anyModule}},
	{"internal/outbox", nil, nil},
	{"internal/awsconfig", nil, []string{aws}},
	{"internal/otlp", []string{"internal/metrics", "internal/trace", "internal/outbox"},
		[]string{otlp, protobuf}},
	{"internal/export", slices.Concat(toRooms, []string{"internal/outbox", "internal/awsconfig"}),
		[]string{anyModule}},
	{"internal/listen", []string{".", "internal/metrics"}, []string{acme, proxyproto}},
	{"client", []string{".", "internal/wire"}, []string{gobwas}},
	{"internal/app", slices.Concat(toEdges, parts, []string{"internal/app/config",
		"internal/app/keyring"}), []string{anyModule}},
	{"internal/app/config", []string{".", "internal/policy", "internal/sigv4", "internal/control",
		"internal/store", "internal/store/engine", "internal/review", "internal/chatlog",
		"internal/listen", "internal/otlp", "internal/export"}, []string{koanf, mapstructure, xnet}},
	{"internal/app/keyring", []string{".", "internal/token", "internal/store"}, nil},
	{"internal/load/sockets", nil, []string{gobwas, xsys}},
	{"internal/load", []string{".", "internal/api", "internal/load/sockets"}, []string{aws, xsys}},
	{"internal/api", vocabulary, []string{aws}},
	{"internal/awscli/input", []string{".", "internal/api", "internal/awscli/python"},
		[]string{yaml}},
	{"internal/awscli/python", []string{"internal/api"}, nil},
	{"internal/awscli/output/jmespath", []string{"internal/api", "internal/awscli/python"}, nil},
	{"internal/awscli/output", []string{".", "internal/api", "internal/awscli/python",
		"internal/awscli/output/jmespath"}, []string{xtext}},
	{"internal/awscli", []string{".", "internal/api", "internal/awscli/input", "internal/awscli/output"},
		[]string{aws}},
	{"internal/chatui", []string{".", "client"}, []string{anyModule}},
	{"cmd/parley", slices.Concat(everything, loads, commands), []string{anyModule}},
	{"internal/parleytest", slices.Concat(everything, []string{"internal/parleytest/freeport"}),
		[]string{anyModule}}, // in nobody's row: for tests only
	{"test/faults/history", nil, nil}, // in nobody's row, like the next: for tests only
	{"test/faults/network", nil, []string{xsys}},
	{"internal/parleytest/freeport", nil, nil}, // in nobody's row, but for the next
	{"test/bench", slices.Concat(everything, loads, []string{"internal/parleytest/freeport"}),
		[]string{anyModule}},
}

// allows reports whether a package with this row may import path.
func (r row) allows(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	switch {
	case path == module:
		return slices.Contains(r.ours, ".")
	case within(path, module):
		return slices.Contains(r.ours, strings.TrimPrefix(path, module+"/"))
	case !strings.Contains(first, "."): // the standard library
		return true
	case slices.Contains(r.outside, anyModule) && !within(path, nats):
		return true
	}
	return slices.ContainsFunc(r.outside, func(m string) bool { return within(path, m) })
}

// within reports whether path is parent or lies below it.
func within(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func rowOf(pkg string) (row, bool) {
	i := slices.IndexFunc(table, func(r row) bool { return r.pkg == pkg })
	if i < 0 {
		return row{}, false
	}
	return table[i], true
}

func TestImports(t *testing.T) {
	imports := map[string][]string{}
	// Files can be for one system only, so more than this machine's are looked at.
	for _, system := range []string{"linux", "darwin"} {
		for _, p := range listPackages(t, system) {
			pkg := "."
			if p.ImportPath != module {
				pkg = strings.TrimPrefix(p.ImportPath, module+"/")
			}
			if len(p.GoFiles) > 0 { // else it has only tests
				imports[pkg] = append(imports[pkg], p.Imports...)
			}
		}
	}
	if len(imports["."]) == 0 {
		t.Fatal("go list shows no imports of the root package, which has some")
	}
	for _, pkg := range slices.Sorted(maps.Keys(imports)) {
		checkImports(t, pkg, imports[pkg])
	}
}

func checkImports(t *testing.T, pkg string, imports []string) {
	t.Helper()
	r, ok := rowOf(pkg)
	if !ok {
		t.Errorf("package %s has no row in the table of imports_test.go: "+
			"add one that says what the package may import", pkg)
		return
	}
	slices.Sort(imports)
	for _, path := range slices.Compact(imports) {
		if !r.allows(path) {
			t.Errorf("%s imports %s, which its row in imports_test.go does not allow", pkg, path)
		}
	}
}

type listed struct {
	ImportPath string
	GoFiles    []string // without tests
	Imports    []string // of GoFiles
}

// listPackages returns every package of the module that has files for a system,
// also those that do not build: that is for the compiler to say.
func listPackages(t *testing.T, system string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e",
		"-json=ImportPath,GoFiles,Imports", "./...")
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list for %s: %v\n%s", system, err, &stderr)
	}
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("read what go list printed: %v", err)
		}
		packages = append(packages, p)
	}
}

// TestImportTable checks the table and its reading with imports that nobody may
// make, next to some that have to be possible.
func TestImportTable(t *testing.T) {
	tests := []struct {
		pkg, path string
		want      bool
	}{
		{".", "time", true},
		{".", "net/http", true},
		{".", module + "/internal/wire", false},
		{".", "golang.org/x/sys/unix", false},
		{"internal/wire", module, true},
		{"internal/wire", module + "/internal/token", false},
		{"internal/wire", cbor, false},
		{"internal/token", cbor, true},
		{"internal/token", tink + "/aead", true},
		{"internal/token", "github.com/tink-crypto/tink-go/v20", false},
		{"internal/token", prometheus + "/prometheus", false},
		{"internal/metrics", prometheus + "/prometheus", true},
		{"internal/fanout", module + "/internal/metrics", true},
		{"internal/fanout", module + "/internal/wire", false},
		{"internal/fanout", "golang.org/x/sys/unix", true},
		{"internal/hub", module + "/internal/fanout", true},
		{"internal/hub", module + "/internal/control", false},
		{"internal/hub", prometheus + "/prometheus", false},
		{"internal/control", module + "/internal/hub", true},
		{"internal/control", module + "/internal/store", false},
		{"internal/control", "github.com/nats-io/nats.go/jetstream", false},
		{"internal/messaging", "github.com/gobwas/ws", true},
		{"internal/messaging", module + "/internal/control", false},
		{"internal/store", "github.com/nats-io/nats-server/v2/server", true},
		{"internal/store", module + "/internal/app", false},
		{"internal/store", module + "/internal/store/snapshot", false},
		{"internal/store/marks", module + "/internal/store/bucket", true},
		{"internal/store/marks", module + "/internal/store", false},
		{"internal/store/snapshot", module + "/internal/store", true},
		{"internal/store/snapshot", "github.com/nats-io/nats.go", false},
		{"internal/listen", "golang.org/x/crypto/acme/autocert", true},
		{"internal/listen", module + "/internal/hub", false},
		{"client", module + "/internal/wire", true},
		{"client", module + "/internal/hub", false},
		{"client", "github.com/gobwas/ws/wsutil", true},
		{"client", "github.com/alecthomas/kong", false},
		{"internal/load", module + "/internal/load/sockets", true},
		{"internal/load", module + "/internal/wire", false},
		{"internal/load", module + "/internal/api", true},
		{"internal/api", module + "/internal/awscli", false},
		{"internal/awscli/input", module + "/internal/awscli/output", false},
		{"internal/chatui", module + "/client", true},
		{"client", module + "/internal/api", false},
		{"internal/load", "github.com/aws/aws-sdk-go-v2/aws/signer/v4", true},
		{"internal/load/sockets", module + "/internal/load", false},
		{"internal/app", module + "/internal/load", false},
		{"internal/app", module + "/internal/store", true},
		{"internal/app", "github.com/nats-io/nats.go", false},
		{"internal/app", module + "/internal/parleytest", false},
		{"internal/app", module + "/internal/app/keyring", true},
		{"internal/app/config", module + "/internal/listen", true},
		{"internal/app/config", module + "/internal/hub", false},
		{"internal/app/config", module + "/internal/app", false},
		{"internal/app/config", "github.com/knadh/koanf/parsers/yaml", true},
		{"internal/app/keyring", module + "/internal/store", true},
		{"internal/app/keyring", module + "/internal/app/config", false},
		{"cmd/parley", module + "/internal/app", true},
		{"cmd/parley", module + "/internal/app/config", true},
		{"cmd/parley", module + "/internal/app/keyring", false},
		{"cmd/parley", module + "/internal/parleytest", false},
		{"internal/parleytest", module + "/internal/app", true},
		{"internal/parleytest", "github.com/nats-io/nats.go", false},
	}
	for _, test := range tests {
		r, ok := rowOf(test.pkg)
		if !ok {
			t.Errorf("%s has no row in the table", test.pkg)
			continue
		}
		if got := r.allows(test.path); got != test.want {
			t.Errorf("may %s import %s? got %t, want %t", test.pkg, test.path, got, test.want)
		}
	}
}
