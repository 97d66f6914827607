package listen_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/listen"
)

// watched is a certificate whose files are looked at, and its log.
type watched struct {
	*listen.Files
	log *logBuffer
}

// logBuffer collects a log.
type logBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// take returns what was logged since it was last called.
func (b *logBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.text.Reset()
	return b.text.String()
}

// watch opens the files of a folder. It has to be called within a bubble of synctest.
func watch(t *testing.T, dir string) watched {
	t.Helper()
	log := &logBuffer{}
	files, err := listen.OpenFiles(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"),
		slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	log.take()
	return watched{files, log}
}

// name returns which certificate a handshake gets.
func (w watched) name(t *testing.T) string {
	t.Helper()
	certificate, err := w.TLS().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return certificate.Leaf.Subject.CommonName
}

// expect waits until the files were looked at, and checks which certificate is in
// force then and what was logged: a line that contains the text, or nothing.
func (w watched) expect(t *testing.T, change, name, logged string) {
	t.Helper()
	time.Sleep(10 * time.Second) // of the bubble's clock
	synctest.Wait()
	if got := w.name(t); got != name {
		t.Errorf("after %s, the certificate is %s, want %s", change, got, name)
	}
	got := w.log.take()
	if (logged == "") != (got == "") || !strings.Contains(got, logged) ||
		strings.Count(got, "\n") > 1 {
		t.Errorf("after %s, the log has %q, want %q", change, got, logged)
	}
}

func TestFilesAreReadAgain(t *testing.T) {
	one, two, three := newPair(t, "one"), newPair(t, "two"), newPair(t, "three")
	dir := t.TempDir()
	one.write(t, dir)
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, dir)
		defer w.Close()
		const kept = `level=ERROR msg="the certificate in force stays in force" err=`
		w.expect(t, "nothing", "one", "")
		two.write(t, dir)
		w.expect(t, "files were written over", "two", `level=INFO msg="certificate loaded"`)
		three.write(t, filepath.Join(dir, "new"))
		for _, name := range []string{"tls.crt", "tls.key"} {
			rename(t, filepath.Join(dir, "new", name), filepath.Join(dir, name))
		}
		w.expect(t, "files were renamed", "three", `level=INFO msg="certificate loaded"`)

		mixed := pair{one.certificate, two.key}
		mixed.write(t, dir)
		w.expect(t, "certificate and key that do not match", "three",
			kept+`"certificate `+dir+`/tls.crt with key `+dir+`/tls.key: `+
				`tls: private key does not match public key"`)
		w.expect(t, "another look at them", "three", "")
		pair{[]byte("no PEM"), one.key}.write(t, dir)
		w.expect(t, "a certificate that is none", "three", kept)
		if err := os.Remove(filepath.Join(dir, "tls.key")); err != nil {
			t.Fatal(err)
		}
		w.expect(t, "no key", "three", "no such file")
		w.expect(t, "still no key", "three", "")
		three.write(t, dir)
		w.expect(t, "what was in force before", "three", `level=INFO msg="certificate loaded"`)
		w.expect(t, "nothing", "three", "")

		newPairUntil(t, "old", -time.Hour).write(t, dir)
		w.expect(t, "an expired one", "old", `level=WARN msg="the certificate has expired"`)
	})
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

// TestFilesBehindSymbolicLinks swaps a pair as Kubernetes does: the names lead by way
// of a link to a folder, which is replaced by another.
func TestFilesBehindSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	newPair(t, "one").write(t, filepath.Join(dir, "..1"))
	newPair(t, "two").write(t, filepath.Join(dir, "..2"))
	symlink(t, "..1", filepath.Join(dir, "..data"))
	symlink(t, filepath.Join("..data", "tls.crt"), filepath.Join(dir, "tls.crt"))
	symlink(t, filepath.Join("..data", "tls.key"), filepath.Join(dir, "tls.key"))
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, dir)
		defer w.Close()
		w.expect(t, "nothing", "one", "")
		symlink(t, "..2", filepath.Join(dir, "..data_tmp"))
		rename(t, filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data"))
		w.expect(t, "the link was replaced", "two", `level=INFO msg="certificate loaded"`)
	})
}

func TestReload(t *testing.T) {
	dir := t.TempDir()
	newPair(t, "one").write(t, dir)
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, dir)
		defer w.Close()
		newPair(t, "two").write(t, dir)
		if err := w.Reload(); err != nil || w.name(t) != "two" {
			t.Errorf("after Reload, the certificate is %s (%v), want two", w.name(t), err)
		}
		if err := os.Remove(filepath.Join(dir, "tls.crt")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := w.Reload(); err == nil || w.name(t) != "two" {
				t.Errorf("without a file, Reload returns %v and the certificate is %s, want an error and two",
					err, w.name(t))
			}
		}
	})
}

func TestOpenFilesWithoutAPair(t *testing.T) {
	dir := t.TempDir()
	one, two := newPair(t, "one"), newPair(t, "two")
	certificate, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for _, test := range []struct {
		name string
		pair pair
		want string
	}{
		{"another key", pair{one.certificate, two.key}, "private key does not match public key"},
		{"no certificate", pair{nil, one.key}, "failed to find any PEM data in certificate input"},
		{"no key", pair{one.certificate, nil}, "failed to find any PEM data in key input"},
		{"swapped", pair{one.key, one.certificate}, "PEM inputs may have been switched"},
	} {
		test.pair.write(t, dir)
		_, err := listen.OpenFiles(certificate, key, slog.New(slog.DiscardHandler))
		checked := listen.CheckFiles(certificate, key)
		if err == nil || checked == nil || checked.Error() != err.Error() ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, and checked %v, want %s", test.name, err, checked, test.want)
		}
	}
	if err := listen.CheckFiles(filepath.Join(dir, "absent"), key); err == nil ||
		!strings.Contains(err.Error(), "no such file") {
		t.Errorf("a file that is not there: %v", err)
	}
}
