package config_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/app/config"
)

// nodeSettings returns settings of a node of a cluster that have no mistakes.
func nodeSettings(t *testing.T) config.Config {
	t.Helper()
	t.Setenv("PARLEY_MASTER_KEY", strings.Repeat("0", 64))
	cfg := config.Default()
	cfg.ClusterName, cfg.ClusterListen = "chat", "10.0.0.1:6222"
	cfg.ClusterJoin = []string{"10.0.0.1:6222", "10.0.0.2:6222", "10.0.0.3:6222"}
	cfg.InsecureCluster = true
	return cfg
}

// TestNodeSettings changes settings that are right, one mistake each time.
func TestNodeSettings(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config.Config)
		want   string // in the only line; empty is none
	}{
		{"right", func(*config.Config) {}, ""},
		{"no cluster", func(c *config.Config) { *c = config.Default() }, ""},
		{"itself is not in the list", func(c *config.Config) { c.ClusterJoin = c.ClusterJoin[1:] }, ""},
		{"five nodes", func(c *config.Config) { c.ClusterJoin = []string{"a:1", "b:1", "c:1", "d:1"} }, ""},
		{"an IPv6 address", func(c *config.Config) { c.ClusterJoin[2] = "[::1]:6222" }, ""},
		{"all addresses, advertised", func(c *config.Config) {
			c.ClusterListen, c.ClusterAdvertise = ":6222", "10.0.0.1:6222"
		}, ""},
		{"one node", func(c *config.Config) { c.ClusterJoin = nil }, "a cluster of one node is none"},
		{"two nodes", func(c *config.Config) { c.ClusterJoin = c.ClusterJoin[:2] },
			"a cluster of two cannot lose a node and go on"},
		{"six nodes", func(c *config.Config) {
			c.ClusterJoin = []string{"a:1", "b:1", "c:1", "d:1", "e:1"}
		}, "use an external NATS"},
		{"no name", func(c *config.Config) { c.ClusterName = "" }, "cluster_name must be"},
		{"a name with a space", func(c *config.Config) { c.ClusterName = "a b" }, `not "a b"`},
		{"the longest name", func(c *config.Config) { c.ClusterName = strings.Repeat("a", 64) }, ""},
		{"a longer name", func(c *config.Config) { c.ClusterName = strings.Repeat("a", 65) },
			"cluster_name must be"},
		{"no port", func(c *config.Config) { c.ClusterListen = "10.0.0.1" },
			"cluster_listen must be host:port"},
		{"port 0", func(c *config.Config) { c.ClusterListen = "10.0.0.1:0" },
			"cluster_listen must be host:port"},
		{"the last port", func(c *config.Config) { c.ClusterListen = "10.0.0.4:65535" }, ""},
		{"one port more", func(c *config.Config) { c.ClusterListen = "10.0.0.1:65536" },
			"cluster_listen must be host:port"},
		{"all addresses", func(c *config.Config) { c.ClusterListen = "0.0.0.0:6222" },
			"cluster_advertise must say"},
		{"all addresses of IPv6", func(c *config.Config) { c.ClusterListen = "[::]:6222" },
			"cluster_advertise must say"},
		{"an advertised address without a host", func(c *config.Config) { c.ClusterAdvertise = ":6222" },
			"cluster_advertise must name a host"},
		{"an address of a node without a host", func(c *config.Config) { c.ClusterJoin[1] = ":6222" },
			"cluster_join must name a host"},
		{"a node name", func(c *config.Config) { c.NodeName = "node-1.a_b" }, ""},
		{"a node name with a slash", func(c *config.Config) { c.NodeName = "a/b" }, "node_name must be"},
		{"development", func(c *config.Config) { c.Dev = true }, "--dev is for one node"},
		{"both kinds", func(c *config.Config) { c.NATSURL = "nats://nats:4222" },
			"cluster_* and nats_url exclude each other"},
		{"nothing secret", func(c *config.Config) { c.InsecureCluster, c.ClusterSecretFile = false, "x" },
			"a cluster needs cluster_cert_file"},
		{"half a certificate", func(c *config.Config) { c.ClusterCertFile = "x" },
			"are needed together"},
		{"an absent secret", func(c *config.Config) { c.ClusterSecretFile = "/absent" },
			"cluster_secret_file: open /absent"},
		{"absent certificates", func(c *config.Config) {
			c.ClusterCertFile, c.ClusterKeyFile, c.ClusterCAFile = "/absent", "/absent", "/absent"
		}, "cluster_cert_file, cluster_key_file, cluster_ca_file: open /absent"},
		{"replicas in a cluster", func(c *config.Config) { c.Replicas = 1 }, "replicas is for nats_url"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := nodeSettings(t)
			test.change(&cfg)
			wantMistake(t, cfg.Check(), test.want)
		})
	}
}

// wantMistake checks that an error is of one line with a text, or nil when the text is
// empty.
func wantMistake(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("Check() = %q, want nil", err)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Check() = %v, want one line with %q", err, want)
	}
}

// TestCertificateOfANode names a certificate that is for 10.0.0.1 and node-1.
func TestCertificateOfANode(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}, DNSNames: []string{"node-1"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "both.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ advertise, want string }{
		{"", ""}, // as it listens
		{"node-1:6222", ""},
		{"node-2:6222", "other nodes reach this one at node-2:6222, and would refuse the " +
			"certificate in cluster_cert_file: x509: certificate is valid for node-1, not node-2"},
		{"10.0.0.4:6222", "certificate is valid for 10.0.0.1, not 10.0.0.4"},
	}
	for _, test := range tests {
		cfg := nodeSettings(t)
		cfg.ClusterCertFile, cfg.ClusterKeyFile, cfg.ClusterCAFile = file, file, file
		cfg.ClusterAdvertise = test.advertise
		if test.advertise != "" {
			cfg.ClusterJoin[0] = test.advertise
		}
		wantMistake(t, cfg.Check(), test.want)
	}
}

func TestNATSSettings(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config.Config)
		want   string
	}{
		{"right", func(*config.Config) {}, ""},
		{"several servers", func(c *config.Config) { c.NATSURL = "nats://a:4222, tls://b:4222" }, ""},
		{"one replica", func(c *config.Config) { c.Replicas = 1 }, ""},
		{"five replicas", func(c *config.Config) { c.Replicas = 5 }, ""},
		{"no replica", func(c *config.Config) { c.Replicas = 0 }, "replicas must be 1 to 5, not 0"},
		{"six replicas", func(c *config.Config) { c.Replicas = 6 }, "replicas must be 1 to 5, not 6"},
		{"a web address", func(c *config.Config) { c.NATSURL = "http://nats:4222" },
			"is not nats://host:port"},
		{"no scheme", func(c *config.Config) { c.NATSURL = "nats:4222" }, "is not nats://host:port"},
		{"a comma too many", func(c *config.Config) { c.NATSURL = "nats://a:4222," },
			`"" is not nats://host:port`},
		{"a password in sight", func(c *config.Config) { c.NATSURL = "nats://ann:secret@nats:4222" },
			"nats_url must not hold a password"},
		{"a prefix", func(c *config.Config) { c.NATSPrefix = "chat_1-A" }, ""},
		{"a prefix with a dot", func(c *config.Config) { c.NATSPrefix = "a.b" }, "nats_prefix must be"},
		{"no prefix", func(c *config.Config) { c.NATSPrefix = "" }, "nats_prefix must be"},
		{"two ways to log in", func(c *config.Config) {
			c.NATSCredsFile, c.NATSUser, c.NATSPasswordFile = "x", "ann", "x"
		}, "nats_creds_file and nats_user exclude each other"},
		{"a user without a password", func(c *config.Config) { c.NATSUser = "ann" }, "are needed together"},
		{"a certificate without a key", func(c *config.Config) { c.NATSCertFile = "x" },
			"are needed together"},
		{"nothing to log in to", func(c *config.Config) { c.NATSURL, c.NATSCredsFile = "", "x" },
			"nats_url must say where NATS is"},
		{"absent credentials", func(c *config.Config) { c.NATSCredsFile = "/absent" },
			"nats_creds_file: open /absent"},
		{"an absent password", func(c *config.Config) {
			c.NATSUser, c.NATSPasswordFile = "ann", "/absent"
		}, "nats_password_file: open /absent"},
		{"an absent authority", func(c *config.Config) { c.NATSCAFile = "/absent" },
			"nats_cert_file, nats_key_file, nats_ca_file: open /absent"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("PARLEY_MASTER_KEY", strings.Repeat("0", 64))
			cfg := config.Default()
			cfg.NATSURL = "nats://nats:4222"
			test.change(&cfg)
			wantMistake(t, cfg.Check(), test.want)
		})
	}
}

// TestNodesNeedTheSameMasterKey leaves it out, and sets it in a file.
func TestNodesNeedTheSameMasterKey(t *testing.T) {
	cluster := nodeSettings(t)
	external := config.Default()
	external.NATSURL = "nats://nats:4222"
	t.Setenv("PARLEY_MASTER_KEY", "")
	for _, cfg := range []config.Config{cluster, external} {
		wantMistake(t, cfg.Check(), "need the same master key: set master_key_file or PARLEY_MASTER_KEY")
		cfg.MasterKeyFile = "x"
		wantMistake(t, cfg.Check(), "")
	}
}

// TestAllMistakesAboutNodesAreReported makes many of them at once.
func TestAllMistakesAboutNodesAreReported(t *testing.T) {
	cfg := nodeSettings(t)
	t.Setenv("PARLEY_MASTER_KEY", "")
	cfg.ClusterName, cfg.ClusterListen, cfg.NodeName = "", "x", "a b"
	cfg.ClusterCertFile, cfg.NATSPrefix, cfg.Replicas = "x", "", 9
	got := cfg.Check()
	for _, want := range []string{"cluster_name", "cluster_listen", "node_name", "cluster_cert_file",
		"nats_prefix", "replicas must be", "master_key_file"} {
		if got == nil || !strings.Contains(got.Error(), want) {
			t.Errorf("Check() = %v, want a line with %q", got, want)
		}
	}
}

// TestFileWithSettingsOfNodes reads one whose paths are relative to it.
func TestFileWithSettingsOfNodes(t *testing.T) {
	cfg, err := load(t, `
cluster_name: chat
cluster_listen: ":6222"
cluster_join: [parley-0:6222, parley-1:6222, parley-2:6222]
cluster_secret_file: secret
master_key_file: key
insecure_cluster: true
`, map[string]string{"secret": "s\n"})
	if err != nil {
		t.Fatal(err)
	}
	wantMistake(t, cfg.Check(), "cluster_advertise must say") // it is in the environment
	cfg.ClusterAdvertise = "parley-0:6222"
	wantMistake(t, cfg.Check(), "")
	want := filepath.Join(cfg.Dir, "secret")
	if cfg.ClusterSecretFile != want || len(cfg.ClusterJoin) != 3 {
		t.Errorf("the secret is in %q and %d nodes are named, want %q and 3",
			cfg.ClusterSecretFile, len(cfg.ClusterJoin), want)
	}
	if err := os.WriteFile(cfg.ClusterSecretFile, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantMistake(t, cfg.Check(), "is empty")
	_, err = load(t, "cluster_nam: chat\nclusterName: chat\n", nil)
	for _, want := range []string{`unknown key "cluster_nam"`, `(did you mean "cluster_name"?)`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load() = %v, want %s", err, want)
		}
	}
}
