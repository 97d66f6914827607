package app

import (
	"crypto/tls"
	"fmt"
	"path/filepath"

	"github.com/parley-chat/parley/internal/listen"
)

// certificates are those of the chat and control listener. listen.Files and
// listen.ACME implement it.
type certificates interface {
	TLS() *tls.Config
	Reload() error
	Close()
}

// openFront returns how the chat and control listener lets clients in, and opens the
// certificates that it needs.
func (a *App) openFront(cfg Config) (front listen.Config, err error) {
	if front, err = cfg.FrontConfig(); err != nil {
		return front, err
	}
	switch {
	case cfg.TLS.CertFile != "":
		files, err := listen.OpenFiles(cfg.TLS.CertFile, cfg.TLS.KeyFile, a.log)
		if err != nil {
			return front, fmt.Errorf("tls: %w", err)
		}
		a.certs, front.TLS = files, files.TLS()
	case len(cfg.ACME.Hosts) > 0:
		acme, err := listen.NewACME(listen.ACMEConfig{
			Hosts: cfg.ACME.Hosts, Email: cfg.ACME.Email, Directory: cfg.ACME.Directory,
			CAFile: cfg.ACME.CAFile, Cache: filepath.Join(a.data.path, "acme"),
			HTTP: cfg.ACME.HTTPListen != "", Log: a.log,
		})
		if err != nil {
			return front, fmt.Errorf("acme: ca_file: %w", err)
		}
		a.certs, front.TLS = acme, acme.TLS()
	}
	return front, nil
}

// obtain has certificates obtained, if an authority is to be asked for them.
func (a *App) obtain(cfg Config) error {
	acme, ok := a.certs.(*listen.ACME)
	if !ok {
		return nil
	}
	if cfg.ACME.HTTPListen != "" {
		limits := listen.Config{
			MaxConnections: cfg.HTTPConnections, MaxPerAddress: cfg.HTTPConnectionsPerAddress,
		}
		err := a.listen("acme-http-listen", cfg.ACME.HTTPListen, limits, writeTimeout,
			hurry(acme.Challenges()))
		if err != nil {
			return err
		}
	}
	acme.Obtain()
	return nil
}

// reloadCertificates reads the files of the certificate.
func (a *App) reloadCertificates() error {
	if a.certs == nil {
		return nil
	}
	if err := a.certs.Reload(); err != nil {
		return fmt.Errorf("the certificate in force stays in force: %w", err)
	}
	return nil
}

func (a *App) closeCertificates() {
	if a.certs != nil {
		a.certs.Close()
	}
}
