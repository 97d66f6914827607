package config

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/engine"
)

// NodesConfig says whether the server has others beside it: nodes of a cluster, which
// keep things together, or users of the same NATS servers. By default it has none.
type NodesConfig struct {
	// ClusterName is the cluster's. Nodes with another name are refused.
	ClusterName string `koanf:"cluster_name"`
	// ClusterListen is where other nodes connect: host:port.
	ClusterListen string `koanf:"cluster_listen"`
	// ClusterJoin are the addresses of all nodes, host:port; this one's may be missing.
	ClusterJoin []string `koanf:"cluster_join"`
	// ClusterAdvertise is where other nodes reach this one: host:port. Default
	// cluster_listen, which then has to name a host.
	ClusterAdvertise string `koanf:"cluster_advertise"`
	// NodeName is this node's name, which no other node has. Default one that is made at
	// the first start and kept in the file node-name of the data folder.
	NodeName string `koanf:"node_name"`
	// ClusterCertFile and ClusterKeyFile have this node's certificate, and ClusterCAFile
	// the authority that signed those of all nodes, in PEM. In a configuration file,
	// relative paths of all these files start at that file.
	ClusterCertFile string `koanf:"cluster_cert_file"`
	ClusterKeyFile  string `koanf:"cluster_key_file"`
	ClusterCAFile   string `koanf:"cluster_ca_file"`
	// ClusterSecretFile has a password that all nodes have.
	ClusterSecretFile string `koanf:"cluster_secret_file"`
	// InsecureCluster allows a cluster without certificates and password. Default off.
	InsecureCluster bool `koanf:"insecure_cluster"`

	// NATSURL are NATS servers to use, nats://host:port or tls://host:port, separated by
	// commas.
	NATSURL string `koanf:"nats_url"`
	// NATSCredsFile, or NATSUser with the first line of NATSPasswordFile, say who the
	// server is to them. Default nobody.
	NATSCredsFile    string `koanf:"nats_creds_file"`
	NATSUser         string `koanf:"nats_user"`
	NATSPasswordFile string `koanf:"nats_password_file"`
	// NATSCAFile has the authority of the NATS servers' certificates, in PEM. Default the
	// system's. NATSCertFile and NATSKeyFile have a certificate of the server for them.
	NATSCAFile   string `koanf:"nats_ca_file"`
	NATSCertFile string `koanf:"nats_cert_file"`
	NATSKeyFile  string `koanf:"nats_key_file"`
	// NATSPrefix begins the names of buckets and subjects: letters, digits, - and _.
	// Default parley.
	NATSPrefix string `koanf:"nats_prefix"`
	// Replicas is how many of the NATS servers keep each entry, 1 to 5. Default 3.
	Replicas int `koanf:"replicas"`
}

const (
	defaultNATSPrefix = "parley"
	defaultReplicas   = 3

	minClusterNodes = 3
	maxClusterNodes = 5
)

// MaxNameBytes is how long the names of nodes and clusters, and prefixes, may be.
const MaxNameBytes = 64

var (
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	prefixPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// files returns the members that are paths of files.
func (c *NodesConfig) files() []*string {
	return []*string{&c.ClusterCertFile, &c.ClusterKeyFile, &c.ClusterCAFile, &c.ClusterSecretFile,
		&c.NATSCredsFile, &c.NATSPasswordFile, &c.NATSCAFile, &c.NATSCertFile, &c.NATSKeyFile}
}

// clustered reports whether any setting is about a cluster.
func (c NodesConfig) clustered() bool {
	return c.ClusterName != "" || c.ClusterListen != "" || len(c.ClusterJoin) > 0 ||
		c.ClusterAdvertise != "" || c.ClusterCertFile != "" || c.ClusterKeyFile != "" ||
		c.ClusterCAFile != "" || c.ClusterSecretFile != "" || c.InsecureCluster
}

// external reports whether NATS servers elsewhere are used.
func (c NodesConfig) external() bool { return c.NATSURL != "" }

// HasOthers reports whether the server has others beside it.
func (c NodesConfig) HasOthers() bool { return c.clustered() || c.external() }

// CheckNodes returns what is wrong with the settings about other nodes.
func (c Config) CheckNodes() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.NodeName != "" && !ValidName(c.NodeName) {
		wrong("node_name must be up to %d letters, digits, ., - and _, not %q",
			MaxNameBytes, c.NodeName)
	}
	if c.clustered() && c.external() {
		wrong("cluster_* and nats_url exclude each other: a cluster brings its own NATS")
	}
	if c.Dev && c.HasOthers() {
		wrong("--dev is for one node without others: it goes with neither cluster_* nor nats_url")
	}
	hasKey := c.MasterKeyFile != "" || os.Getenv(MasterKeyVariable) != ""
	if c.HasOthers() && !hasKey {
		wrong("nodes that share what they keep need the same master key: " +
			"set master_key_file or " + MasterKeyVariable)
	}
	if c.clustered() {
		errs = append(errs, c.checkCluster()...)
	}
	errs = append(errs, c.checkExternal()...)
	if len(errs) == 0 {
		_, err := c.StoreConfig("", "")
		return err
	}
	return errors.Join(errs...)
}

// ValidName reports whether a node or a cluster can have a name.
func ValidName(name string) bool {
	return len(name) <= MaxNameBytes && namePattern.MatchString(name)
}

// checkCluster returns what is wrong with the settings of a cluster.
func (c NodesConfig) checkCluster() []error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !ValidName(c.ClusterName) {
		wrong("cluster_name must be up to %d letters, digits, ., - and _, not %q",
			MaxNameBytes, c.ClusterName)
	}
	host, err := hostOf("cluster_listen", c.ClusterListen)
	errs = append(errs, err)
	if c.ClusterAdvertise != "" {
		errs = append(errs, checkReachable("cluster_advertise", c.ClusterAdvertise))
	} else if err == nil && everywhere(host) {
		wrong("cluster_advertise must say where other nodes reach this one, since cluster_listen %q "+
			"names no host", c.ClusterListen)
	}
	for _, address := range c.ClusterJoin {
		errs = append(errs, checkReachable("cluster_join", address))
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		errs = append(errs, c.checkSize()...)
	}
	return append(errs, c.checkProtection()...)
}

// checkSize returns what is wrong with how many nodes the cluster has.
func (c NodesConfig) checkSize() []error {
	const suffix = "cluster_join has to name all of three to five"
	switch n := len(c.cluster().Nodes()); {
	case n == 1:
		return []error{errors.New("a cluster of one node is none: " + suffix)}
	case n < minClusterNodes:
		return []error{errors.New("a cluster of two cannot lose a node and go on: " + suffix)}
	case n > maxClusterNodes:
		return []error{fmt.Errorf("a cluster of %d nodes is slower than one of %d: "+
			"use an external NATS, nats_url, for more", n, maxClusterNodes)}
	}
	return nil
}

// checkProtection returns what is wrong with how the nodes know each other.
func (c NodesConfig) checkProtection() []error {
	var errs []error
	given := 0
	for _, file := range []string{c.ClusterCertFile, c.ClusterKeyFile, c.ClusterCAFile} {
		if file != "" {
			given++
		}
	}
	if given > 0 && given < 3 {
		errs = append(errs, errors.New(
			"cluster_cert_file, cluster_key_file and cluster_ca_file are needed together"))
	}
	if given == 0 && !c.InsecureCluster {
		errs = append(errs, errors.New("a cluster needs cluster_cert_file, cluster_key_file and "+
			"cluster_ca_file, or else whoever is between the nodes reads and changes what they keep "+
			"(insecure_cluster accepts that)"))
	}
	if c.ClusterSecretFile == "" && !c.InsecureCluster {
		errs = append(errs, errors.New("a cluster needs cluster_secret_file, or else whoever has a "+
			"certificate of the same authority is a node (insecure_cluster accepts that)"))
	}
	return errs
}

// checkExternal returns what is wrong with the settings of NATS servers elsewhere.
func (c NodesConfig) checkExternal() []error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, text := range c.natsURLs() {
		u, err := url.Parse(text)
		if err != nil || !slices.Contains([]string{"nats", "tls"}, u.Scheme) || u.Hostname() == "" {
			wrong("nats_url: %q is not nats://host:port or tls://host:port", text)
		} else if u.User != nil {
			wrong("nats_url must not hold a password: use nats_user and nats_password_file")
		}
	}
	if len(c.NATSPrefix) > MaxNameBytes || !prefixPattern.MatchString(c.NATSPrefix) {
		wrong("nats_prefix must be up to %d letters, digits, - and _, not %q",
			MaxNameBytes, c.NATSPrefix)
	}
	if c.Replicas < 1 || c.Replicas > 5 {
		wrong("replicas must be 1 to 5, not %d", c.Replicas)
	}
	if c.clustered() && c.Replicas != defaultReplicas {
		wrong("replicas is for nats_url: a cluster keeps %d of everything", defaultReplicas)
	}
	if c.NATSCredsFile != "" && c.NATSUser != "" {
		wrong("nats_creds_file and nats_user exclude each other")
	}
	if (c.NATSUser == "") != (c.NATSPasswordFile == "") {
		wrong("nats_user and nats_password_file are needed together")
	}
	if (c.NATSCertFile == "") != (c.NATSKeyFile == "") {
		wrong("nats_cert_file and nats_key_file are needed together")
	}
	if !c.external() && c.NATSCredsFile+c.NATSUser+c.NATSCAFile+c.NATSCertFile != "" {
		wrong("nats_url must say where NATS is, since other nats_ settings are there")
	}
	return errs
}

func (c NodesConfig) natsURLs() []string {
	if c.NATSURL == "" {
		return nil
	}
	urls := strings.Split(c.NATSURL, ",")
	for i := range urls {
		urls[i] = strings.TrimSpace(urls[i])
	}
	return urls
}

// hostOf returns the host of an address, which may be none.
func hostOf(key, address string) (string, error) {
	host, text, err := net.SplitHostPort(address)
	port, numberErr := strconv.Atoi(text)
	if err != nil || numberErr != nil || port < 1 || port > 65535 {
		return "", fmt.Errorf("%s must be host:port, not %q", key, address)
	}
	return host, nil
}

// everywhere reports whether a host stands for all addresses of a machine, so that
// others cannot use it to connect.
func everywhere(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

func checkReachable(key, address string) error {
	host, err := hostOf(key, address)
	if err == nil && everywhere(host) {
		err = fmt.Errorf("%s must name a host, not %q", key, address)
	}
	return err
}

func (c NodesConfig) cluster() *engine.Cluster {
	return &engine.Cluster{Name: c.ClusterName, Listen: c.ClusterListen,
		Advertise: c.ClusterAdvertise, Join: c.ClusterJoin}
}

// StoreConfig returns the store's settings with what is in the files that they name.
// The error has a line for each of those that cannot be used.
func (c Config) StoreConfig(dir, node string) (store.Config, error) {
	cfg := store.Config{Dir: dir, Node: node}
	var err error
	switch {
	case c.clustered():
		cfg.Cluster = c.cluster()
		var certs, secret error
		cfg.Cluster.TLS, certs = engine.LoadTLS(c.ClusterCertFile, c.ClusterKeyFile, c.ClusterCAFile)
		cfg.Cluster.Secret, secret = readPassword("cluster_secret_file", c.ClusterSecretFile)
		err = errors.Join(named("cluster", certs), c.checkCertificate(cfg.Cluster.TLS), secret)
	case c.external():
		cfg.External = &engine.External{URLs: c.natsURLs(), CredsFile: c.NATSCredsFile,
			User: c.NATSUser, Prefix: c.NATSPrefix, Replicas: c.Replicas}
		var certs, password, creds error
		cfg.External.TLS, certs = engine.LoadTLS(c.NATSCertFile, c.NATSKeyFile, c.NATSCAFile)
		cfg.External.Password, password = readPassword("nats_password_file", c.NATSPasswordFile)
		if c.NATSCredsFile != "" {
			_, creds = readPassword("nats_creds_file", c.NATSCredsFile)
		}
		err = errors.Join(named("nats", certs), password, creds)
	}
	return cfg, err
}

// checkCertificate returns why other nodes would not accept this one's certificate. There
// may be none.
func (c NodesConfig) checkCertificate(settings *tls.Config) error {
	address := cmp.Or(c.ClusterAdvertise, c.ClusterListen)
	host, err := hostOf("cluster_listen", address)
	if err != nil || everywhere(host) {
		return err
	}
	if err := engine.CheckCertificate(settings, host); err != nil {
		return fmt.Errorf("other nodes reach this one at %s, and would refuse the certificate in "+
			"cluster_cert_file: %w", address, err)
	}
	return nil
}

// named says which settings name the certificates of an error.
func named(prefix string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%[1]s_cert_file, %[1]s_key_file, %[1]s_ca_file: %[2]w", prefix, err)
}

// readPassword returns what is in a file, or nothing when there is none.
func readPassword(key, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return "", fmt.Errorf("%s: %s is empty", key, path)
	}
	return text, nil
}
