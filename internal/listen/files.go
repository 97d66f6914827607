package listen

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// filesInterval is how often certificate files are looked at.
const filesInterval = 10 * time.Second

// Files are a certificate with its chain and its key, in two PEM files that may be
// replaced at any time. They are read again and compared as a whole: that notices
// a renamed file, a changed symbolic link and a file system that sends no
// notifications, and a few kilobytes every ten seconds cost nothing.
type Files struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]

	mu   sync.Mutex // guards seen; held while the files are read
	seen string     // a digest of what was read last, or why it could not be

	stop   context.CancelFunc
	polled sync.WaitGroup // the goroutine of OpenFiles
}

// OpenFiles reads a certificate and its key, and looks for changes until Close.
func OpenFiles(certFile, keyFile string, log *slog.Logger) (*Files, error) {
	f := &Files{certFile: certFile, keyFile: keyFile, log: log}
	if _, err := f.load(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.polled.Go(func() { f.poll(ctx) })
	return f, nil
}

// Close stops looking for changes.
func (f *Files) Close() {
	f.stop()
	f.polled.Wait()
}

// TLS returns settings of a server with the certificate that the files have at the
// time of each handshake.
func (f *Files) TLS() *tls.Config {
	return serverTLS(func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return f.current.Load(), nil
	})
}

// serverTLS returns the settings that all certificates have in common. Browsers and
// AWS clients do without HTTP/2, and with HTTP/1.1 alone every request can become a
// session and every limit on connections is one on requests.
func serverTLS(
	certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string,
) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     append([]string{"http/1.1"}, protocols...),
		GetCertificate: certificate,
	}
}

// Reload reads the files now. When it returns an error, the certificate in force
// stays in force.
func (f *Files) Reload() error {
	_, err := f.load()
	return err
}

func (f *Files) poll(ctx context.Context) {
	tick := time.NewTicker(filesInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if changed, err := f.load(); changed && err != nil {
			f.log.Error("the certificate in force stays in force", "err", err)
		}
	}
}

// load reads the files and puts what they hold into force, if it is good. It reports
// whether anything has changed since it last did, for the better or the worse.
func (f *Files) load() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	certificate, digest, err := readPair(f.certFile, f.keyFile)
	if err != nil {
		digest = err.Error()
	}
	changed = digest != f.seen
	f.seen = digest
	if err != nil || !changed {
		return changed, err
	}
	f.current.Store(&certificate)
	attrs := []any{"file", f.certFile, "names", certificate.Leaf.DNSNames,
		"expires", certificate.Leaf.NotAfter}
	if time.Now().After(certificate.Leaf.NotAfter) {
		f.log.Warn("the certificate has expired", attrs...)
	} else {
		f.log.Info("certificate loaded", attrs...)
	}
	return true, nil
}

// readPair returns the certificate in two files, and a digest of them.
func readPair(certFile, keyFile string) (pair tls.Certificate, digest string, err error) {
	certificate, err := os.ReadFile(certFile)
	if err != nil {
		return pair, "", fmt.Errorf("certificate: %w", err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return pair, "", fmt.Errorf("key of the certificate: %w", err)
	}
	if pair, err = tls.X509KeyPair(certificate, key); err != nil {
		return pair, "", fmt.Errorf("certificate %s with key %s: %w", certFile, keyFile, err)
	}
	sums := [2][sha256.Size]byte{sha256.Sum256(certificate), sha256.Sum256(key)}
	return pair, string(sums[0][:]) + string(sums[1][:]), nil
}

// CheckFiles returns what is wrong with a certificate and its key.
func CheckFiles(certFile, keyFile string) error {
	_, _, err := readPair(certFile, keyFile)
	return err
}
