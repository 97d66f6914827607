package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// A server that does not answer is given up after about 6 seconds.
	externalPing     = 2 * time.Second
	externalPingsOut = 2

	externalReconnectWait = 250 * time.Millisecond
)

// oldestNATS is the oldest version of the servers that is known to work. Some before it
// do not say since when a leader leads.
var oldestNATS = version{2, 11, 15}

// version is that of a server: major, minor and patch.
type version [3]int

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }

// older reports whether what a server calls its version is before v. What is no version
// of NATS, such as that of a build of one's own, is not.
func (v version) older(text string) bool {
	var have version
	_, err := fmt.Sscanf(text, "%d.%d.%d", &have[0], &have[1], &have[2])
	return err == nil && slices.Compare(have[:], v[:]) < 0
}

// checkVersion returns an error when the server that a connection found is too old.
func checkVersion(conn *nats.Conn) error {
	if have := conn.ConnectedServerVersion(); oldestNATS.older(have) {
		return final{fmt.Errorf("NATS at %s is version %s, and has to be %s or later",
			conn.ConnectedAddr(), have, oldestNATS)}
	}
	return nil
}

// External are NATS servers that others run.
type External struct {
	URLs []string
	// CredsFile, or User and Password, say who we are to the servers. Default nobody.
	CredsFile, User, Password string
	// TLS is for connections to them. Default the system's authorities, where the
	// servers ask for TLS.
	TLS *tls.Config
	// Prefix begins the names of subjects and buckets, so that several users of the
	// servers do not meet. Required.
	Prefix string
	// Replicas is how many servers keep each entry, 1 to 5.
	Replicas int
}

// access returns what a connection to the servers needs.
func (x *External) access() []nats.Option {
	options := []nats.Option{
		nats.ReconnectWait(externalReconnectWait),
		nats.PingInterval(externalPing),
		nats.MaxPingsOutstanding(externalPingsOut),
		nats.IgnoreAuthErrorAbort(), // the servers' operator may be in the middle of a change
		// A server that is about to stop says so: leave it before it drops us.
		nats.LameDuckModeHandler(func(conn *nats.Conn) { _ = conn.ForceReconnect() }),
	}
	if x.CredsFile != "" {
		options = append(options, nats.UserCredentials(x.CredsFile))
	}
	if x.User != "" {
		options = append(options, nats.UserInfo(x.User, x.Password))
	}
	if x.TLS != nil {
		options = append(options, nats.Secure(x.TLS))
	}
	return options
}

// noteForbidden is an option, after all others, with which a connection remembers what
// the servers do not allow: who asked for it gets no answer.
func (e *Engine) noteForbidden(o *nats.Options) error {
	then := o.AsyncErrorCB
	o.AsyncErrorCB = func(conn *nats.Conn, sub *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			why := err.Error()
			e.forbidden.Store(&why)
		}
		if then != nil {
			then(conn, sub, err)
		}
	}
	return nil
}

// explain says what an error of the servers elsewhere means for the settings, and
// whether trying again is of use. Other errors it returns as they are.
func (e *Engine) explain(err error) error {
	if e.cfg.External == nil {
		return err
	}
	if why := e.forbidden.Load(); why != nil && errors.Is(err, context.DeadlineExceeded) {
		return final{fmt.Errorf("the NATS user may not do what is needed: %s", *why)}
	}
	for _, m := range meanings {
		if m.is(err) {
			return final{fmt.Errorf("%s: %w", m.says(e.cfg.External), err)}
		}
	}
	return err
}

// meaning is what one kind of errors says to the operator.
type meaning struct {
	is   func(error) bool
	says func(*External) string
}

var meanings = []meaning{
	{anyOf(nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked),
		plainly("NATS does not accept nats_creds_file, or nats_user and its password")},
	{anyOf(nats.ErrSecureConnRequired), plainly("NATS demands TLS")},
	{anyOf(nats.ErrSecureConnWanted), plainly("NATS does not offer TLS, which the settings ask for")},
	{certificate, plainly("the certificates of NATS and nats_ca_file, nats_cert_file do not match")},
	{anyOf(jetstream.ErrJetStreamNotEnabledForAccount),
		plainly("the NATS account may not use JetStream")},
	{anyOf(jetstream.ErrJetStreamNotEnabled), plainly("NATS runs without JetStream")},
	{apiError(errNotClustered), func(x *External) string {
		return fmt.Sprintf("NATS is one server, not a cluster, and cannot keep %d replicas: "+
			"set replicas to 1, or use a cluster", x.Replicas)
	}},
	{tooFewServers, func(x *External) string {
		return fmt.Sprintf("NATS has too few servers for %d replicas", x.Replicas)
	}},
	{apiError(errTooManyStreams),
		plainly("the NATS account may not have as many streams as are needed, which is 35")},
	{apiError(errNoStorage, errNoMemory, errNoLimits),
		plainly("the NATS account may not store as much as is needed")},
}

// Error codes of JetStream for which the client library has no name.
const (
	errNoPeers        jetstream.ErrorCode = 10005
	errTooManyStreams jetstream.ErrorCode = 10027
	errNoMemory       jetstream.ErrorCode = 10028
	errNoStorage      jetstream.ErrorCode = 10047
	errNotClustered   jetstream.ErrorCode = 10074
	errNoLimits       jetstream.ErrorCode = 10120
)

func plainly(text string) func(*External) string { return func(*External) string { return text } }

func anyOf(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
}

func apiError(codes ...jetstream.ErrorCode) func(error) bool {
	return func(err error) bool {
		var api jetstream.JetStreamError
		if !errors.As(err, &api) || api.APIError() == nil {
			return false
		}
		for _, code := range codes {
			if api.APIError().ErrorCode == code {
				return true
			}
		}
		return false
	}
}

// tooFewServers reports whether there are fewer servers than an entry has to be kept by.
// Those that are offline may be about to come: NATS takes servers for that at first.
func tooFewServers(err error) bool {
	return apiError(errNoPeers)(err) && !strings.Contains(err.Error(), "peer offline")
}

// certificate reports whether a handshake failed because of a certificate, theirs or
// ours.
func certificate(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError)) ||
		errors.As(err, new(x509.UnknownAuthorityError)) ||
		err != nil && strings.Contains(err.Error(), "remote error: tls:")
}
