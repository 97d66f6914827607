package awscli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/api"
)

// Codes that the process exits with. Source: return codes, AWS CLI user guide.
const (
	exitOK            = 0
	exitInterrupted   = 130 // by Ctrl-C
	exitParameters    = 252 // the command line cannot be run
	exitConfiguration = 253 // no region or no access key
	exitService       = 254 // the service answered with an error
	exitGeneral       = 255
)

// failure is why a command could not be run or did not get an answer.
type failure struct {
	exit int
	code string // under which the AWS CLI shows it; empty when it shows none
	text string
}

func (f *failure) Error() string { return f.text }

func failf(exit int, code, format string, args ...any) error {
	return &failure{exit, code, fmt.Sprintf(format, args...)}
}

// Explain returns an error of a call as people are told of it, with what they can do
// about it. A *api.Refusal stays in its chain.
func Explain(err error) error {
	network, refused := (*api.NetworkError)(nil), (*api.Refusal)(nil)
	switch {
	case errors.As(err, &network):
		return failf(exitGeneral, "", "%s", explainNetwork(network))
	case errors.As(err, &refused) && hint(refused) != "":
		return fmt.Errorf("%w\n%s", err, hint(refused))
	}
	return err
}

// explainNetwork says why there was no answer, and from which address.
func explainNetwork(e *api.NetworkError) string {
	var (
		dial     *net.OpError
		record   tls.RecordHeaderError
		verify   *tls.CertificateVerificationError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
	)
	timedOut := isTimeout(e.Err)
	scheme, _, _ := strings.Cut(e.URL, ":")
	dialing := errors.As(e.Err, &dial) && dial.Op == "dial"
	switch {
	case scheme != "http" && scheme != "https":
		return "An HTTP Client raised an unhandled exception: Not supported URL scheme " + scheme
	case dialing && timedOut:
		return fmt.Sprintf("Connect timeout on endpoint URL: %q", e.URL)
	case dialing:
		return fmt.Sprintf("Could not connect to the endpoint URL: %q", e.URL)
	case errors.As(e.Err, &verify), errors.As(e.Err, &unknown), errors.As(e.Err, &hostname),
		errors.As(e.Err, &record):
		return fmt.Sprintf("SSL validation failed for %s %v", e.URL, rootOf(e.Err))
	case timedOut:
		return fmt.Sprintf("Read timeout on endpoint URL: %q", e.URL)
	}
	return fmt.Sprintf("Connection was closed before we received a valid response "+
		"from endpoint URL: %q.", e.URL)
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// rootOf returns the innermost error.
func rootOf(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// allowedSkew is how far off a clock may be for every service that takes signatures.
const allowedSkew = 5 * time.Minute

// hint returns what the caller can do about a refusal, or nothing.
func hint(r *api.Refusal) string {
	aboutTime := r.Code == "RequestExpired" ||
		r.Code == "InvalidSignatureException" && strings.Contains(r.Message, "Signature ")
	switch {
	case aboutTime && r.Skew.Abs() >= allowedSkew:
		side := "ahead of"
		if r.Skew < 0 {
			side = "behind"
		}
		return fmt.Sprintf("The clock of this machine is %s %s that of the service: set it right.",
			r.Skew.Abs().Round(time.Second), side)
	case r.Code == "UnrecognizedClientException":
		return "The service does not know the access key: is it one of another server, or another " +
			"profile (--profile)?"
	}
	return ""
}
