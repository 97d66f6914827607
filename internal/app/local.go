package app

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// announcement is what a running server writes to its data folder, so that commands
// of the same binary find it.
type announcement struct {
	URL     string `json:"url"`     // for clients
	Address string `json:"address"` // where that is on this machine, HOST:PORT
	Region  string `json:"region"`  // the first that is served
	Root    bool   `json:"root"`    // whether the root key in the data folder is in force

	Admin      string `json:"admin"`                 // the admin listener, HOST:PORT
	AdminToken string `json:"admin_token,omitempty"` // file with its token; empty without one
}

// announcementFile is its name in the data folder. It goes when the server stops;
// one that was killed leaves it.
const announcementFile = "server.json"

// announce tells commands on this machine where the server is.
func (a *App) announce(cfg Config) error {
	if a.data.path == "" {
		return nil
	}
	text, err := json.Marshal(announcement{
		URL: a.url, Address: hostPort(a.Addr()), Region: cfg.Regions[0],
		Root: len(cfg.Accounts) == 0, Admin: hostPort(a.AdminAddr()), AdminToken: a.admins.Load().file,
	})
	if err != nil {
		return err
	}
	path := filepath.Join(a.data.path, announcementFile)
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot write to the data folder: %w", err)
	}
	return nil
}

// withdraw takes announce back.
func (d *dataDir) withdraw() {
	if d != nil && d.path != "" {
		_ = os.Remove(filepath.Join(d.path, announcementFile)) // a stale one is harmless
	}
}

// Local is a server that runs on this machine.
type Local struct {
	URL         string // for clients
	Region      string
	Credentials string // file with its root key, in the form that AWS tools read
}

// localTimeout bounds the look at whether a server accepts connections.
const localTimeout = time.Second

// FindLocal returns the server whose data folder this is, when one runs that has a
// root key there.
func FindLocal(data string) (Local, bool) {
	found, ok := findAnnounced(data)
	if !ok || !found.Root || !accepts(found.Address) {
		return Local{}, false
	}
	return Local{URL: found.URL, Region: found.Region,
		Credentials: filepath.Join(data, credentialsFile)}, true
}

// LocalAdmin is the admin listener of a server that runs on this machine.
type LocalAdmin struct {
	URL       string
	TokenFile string // holds its token; empty when no file does
}

// FindLocalAdmin returns the admin listener of the server whose data folder this is,
// when one runs.
func FindLocalAdmin(data string) (LocalAdmin, bool) {
	found, ok := findAnnounced(data)
	if !ok || !accepts(found.Admin) {
		return LocalAdmin{}, false
	}
	return LocalAdmin{URL: "http://" + found.Admin, TokenFile: found.AdminToken}, true
}

// findAnnounced returns what the last server with this data folder wrote there.
func findAnnounced(data string) (found announcement, ok bool) {
	text, err := os.ReadFile(filepath.Join(data, announcementFile))
	return found, err == nil && json.Unmarshal(text, &found) == nil
}

// accepts reports whether somebody accepts connections at an address.
func accepts(address string) bool {
	conn, err := net.DialTimeout("tcp", address, localTimeout)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// ClientURL returns where clients reach the server. With certificates that were obtained,
// that is by name.
func (a *App) ClientURL() string { return a.url }

// AdminURL returns where the admin listener is reached from this machine.
func (a *App) AdminURL() string { return "http://" + hostPort(a.AdminAddr()) }

// clientURL returns where clients reach a server that listens on an address.
func clientURL(cfg Config, addr net.Addr) string {
	switch {
	case len(cfg.ACME.Hosts) > 0:
		_, port, _ := net.SplitHostPort(hostPort(addr)) // it has one
		return "https://" + net.JoinHostPort(cfg.ACME.Hosts[0], port)
	case cfg.Secure():
		return "https://" + hostPort(addr)
	}
	return "http://" + hostPort(addr)
}

// hostPort returns where a listener of this machine is reached from this machine.
func hostPort(addr net.Addr) string {
	tcp := addr.(*net.TCPAddr) // all listeners are TCP
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}
