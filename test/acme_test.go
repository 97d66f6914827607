package test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/parleytest/freeport"
)

// pebble is Let's Encrypt's ACME server for tests.
const (
	pebble        = "github.com/letsencrypt/pebble/v2"
	pebbleVersion = "@v2.10.1"
)

// authority is a certificate authority that runs on this machine. For it, every name
// leads to this machine.
type authority struct {
	directory string // URL
	caFile    string // signs the authority's own certificate
	roots     *x509.CertPool
	stop      func() // may be called twice
}

// startAuthority runs pebble. It connects to tlsPort and httpPort to see who owns a
// name, as others connect to 443 and 80.
func startAuthority(t *testing.T, tlsPort, httpPort string) *authority {
	t.Helper()
	bin := installPebble(t)
	id := newIdentity(t)
	dns, api, management := freeport.Address(), freeport.Address(), freeport.Address()
	run(t, nil, filepath.Join(bin, "pebble-challtestsrv"), "-dnsserver", dns, "-defaultIPv6", "",
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", freeport.Address())
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": api, "managementListenAddress": management,
		"certificate": id.certFile(), "privateKey": id.keyFile(),
		"tlsPort": portOf(t, tlsPort), "httpPort": portOf(t, httpPort),
		"retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pebble.json")
	writeFile(t, file, config)
	env := []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"}
	a := &authority{
		directory: "https://" + api + "/dir", caFile: id.certFile(), roots: x509.NewCertPool(),
	}
	a.stop = run(t, env, filepath.Join(bin, "pebble"), "-config", file, "-dnsserver", dns)
	a.fetchRoot(t, id, "https://"+management+"/roots/0")
	return a
}

// installPebble builds pebble in a folder of its own, which it returns.
func installPebble(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	install := exec.CommandContext(t.Context(), "go", "install",
		pebble+"/cmd/pebble"+pebbleVersion, pebble+"/cmd/pebble-challtestsrv"+pebbleVersion)
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("install pebble: %v\n%s", err, out)
		}
		t.Skipf("pebble, the ACME server of this test, cannot be installed: %v\n%s", err, out)
	}
	return dir
}

// run starts a program that runs until the test ends or stop is called.
func run(t *testing.T, env []string, name string, args ...string) (stop func()) {
	t.Helper()
	var output logBuffer
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(name), output.String())
		}
	})
	return stop
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// fetchRoot waits for the authority to answer, and reads what signs its certificates:
// every start makes others.
func (a *authority) fetchRoot(t *testing.T, id *identity, url string) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: id.roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for deadline := time.Now().Add(30 * time.Second); ; {
		res, err := client.Get(url)
		if err != nil {
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
			continue
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil || !a.roots.AppendCertsFromPEM(text) {
			t.Fatalf("the authority's root is %q (%v)", text, err)
		}
		return
	}
}

// serial opens a connection to a name and returns the serial number of the certificate
// there, which has to be one of the authority.
func (a *authority) serial(t *testing.T, p *process, name string) string {
	t.Helper()
	port := strconv.Itoa(portOf(t, strings.TrimPrefix(p.url, "https://")))
	// The server waits 10 seconds for a handshake, which may end while the certificate
	// is obtained.
	for deadline := time.Now().Add(time.Minute); ; {
		conn, err := tls.DialWithDialer(&net.Dialer{Deadline: deadline}, "tcp",
			net.JoinHostPort("127.0.0.1", port), &tls.Config{RootCAs: a.roots, ServerName: name})
		if err == nil {
			defer conn.Close()
			return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
		}
		if time.Now().After(deadline) || strings.Contains(p.log(), "no certificate") {
			t.Fatalf("handshake as %s: %v\n%s", name, err, p.log())
		}
	}
}

// server runs the command with a certificate of the authority.
func (a *authority) server(t *testing.T, data, host, address string, args ...string) *process {
	t.Helper()
	return serve(t, append([]string{"--data=" + data, "--listen=" + address,
		"--acme-hosts=" + host, "--acme-email=ops@example.com",
		"--acme-directory=" + a.directory, "--acme-ca-file=" + a.caFile}, args...)...)
}

// TestACME has certificates issued by an authority in both ways: the first over the
// chat listener itself (TLS-ALPN-01), the other over the listener that stands for port
// 80 (HTTP-01), since the authority finds another server on its port 443.
func TestACME(t *testing.T) {
	alpnAddress, httpAddress := freeport.Address(), freeport.Address()
	a := startAuthority(t, alpnAddress, httpAddress)
	data := filepath.Join(t.TempDir(), "data")
	p := a.server(t, data, "chat.example.com", alpnAddress)
	if want := "https://chat.example.com:" + strconv.Itoa(portOf(t, alpnAddress)); p.url != want {
		t.Errorf("the ready line names %s, want %s", p.url, want)
	}
	serial := a.serial(t, p, "chat.example.com")
	wantUnknownName(t, alpnAddress)

	other := a.server(t, filepath.Join(t.TempDir(), "other"), "other.example.com", freeport.Address(),
		"--acme-http-listen="+httpAddress)
	a.serial(t, other, "other.example.com")
	wantNoChallenge(t, "http://"+httpAddress)
	other.stop()

	p.stop()
	a.stop()
	wantPrivate(t, filepath.Join(data, "acme"))
	p = a.server(t, data, "chat.example.com", alpnAddress)
	if got := a.serial(t, p, "chat.example.com"); got != serial {
		t.Errorf("after a restart the certificate is %s, want %s", got, serial)
	}
	p.stop()
	if strings.Contains(p.log(), "level=ERROR") {
		t.Errorf("without the authority, the restarted server logged\n%s", p.log())
	}
}

// wantUnknownName checks that there is no handshake for a name that is not configured.
func wantUnknownName(t *testing.T, address string) {
	t.Helper()
	for _, name := range []string{"other.example.com", "127.0.0.1"} { // an address is not sent
		conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err == nil {
			_ = conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "remote error") {
			t.Errorf("handshake as %s: %v, want it refused", name, err)
		}
	}
}

// wantNoChallenge checks that the listener of challenges serves nothing else.
func wantNoChallenge(t *testing.T, url string) {
	t.Helper()
	for path, want := range map[string]int{
		"/": http.StatusNotFound, "/CreateRoom": http.StatusNotFound,
		"/.well-known/acme-challenge/guess": http.StatusForbidden, // the name is not ours
	} {
		res, err := http.Post(url+path, "application/json", bytes.NewReader(nil))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s answered %s, want %d", path, res.Status, want)
		}
	}
}

// wantPrivate checks that nobody else can read a folder and what is in it.
func wantPrivate(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want it private", path, info.Mode())
		}
		files++
		return err
	})
	if err != nil || files < 3 { // the folder, the account and a certificate
		t.Errorf("%s has %d entries (%v), want an account and a certificate", dir, files, err)
	}
}
