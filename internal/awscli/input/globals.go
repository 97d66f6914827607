package input

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Globals are the options that all operations have. Empty or nil is an option that was
// not given.
type Globals struct {
	Region, Profile, EndpointURL, CABundle string

	Output       string // json, text, table, yaml, yaml-stream, off
	Query        string // a JMESPath expression, which has yet to be parsed
	Color        string // on, off, auto
	ErrorFormat  string // legacy, json, yaml, text, table, enhanced
	BinaryFormat string // base64, raw-in-base64-out

	// ReadTimeout and ConnectTimeout are zero for no limit.
	ReadTimeout, ConnectTimeout *time.Duration

	Debug, NoVerifySSL, NoSignRequest, NoPaginate, NoPager, NoAutoPrompt bool
}

const (
	autoPrompt = "--cli-auto-prompt"
	version    = "--version"
)

// GlobalOptions returns the options that every operation has and that set no member.
// They can stand before the name of the operation too.
func GlobalOptions() []Option {
	return []Option{
		globalFlag("--debug", "Log what is done, to standard error."),
		global("--endpoint-url", "URL of the server to call."),
		globalFlag("--no-verify-ssl", "Accept any certificate."),
		globalFlag("--no-paginate", "Accepted, without a meaning: answers are single pages."),
		global("--output", "Form of what is printed.",
			"json", "text", "table", "yaml", "yaml-stream", "off"),
		global("--query", "JMESPath expression of what is printed of an answer."),
		global("--profile", "Profile of the configuration files."),
		global("--region", "Region to call."),
		{Name: version, Kind: kindBoolean, takes: noWord, ends: true, Doc: "Print the version."},
		global("--color", "When to print in color. Default: auto.", "on", "off", "auto"),
		globalFlag("--no-sign-request", "Do not sign requests; no credentials are needed."),
		global("--ca-bundle", "File with the certificates of authorities to trust."),
		seconds("--cli-read-timeout", "Seconds to wait for an answer; 0 for no limit."),
		seconds("--cli-connect-timeout", "Seconds to wait for a connection; 0 for no limit."),
		global("--cli-binary-format", "Accepted, without a meaning: no member is binary.",
			"base64", "raw-in-base64-out"),
		globalFlag("--no-cli-pager", "Print without a pager."),
		globalFlag(autoPrompt, "Not supported."),
		globalFlag("--no-cli-auto-prompt", "Accepted, without a meaning: nobody is prompted."),
		global("--cli-error-format", "Form in which errors are printed. Default: enhanced.",
			"legacy", "json", "yaml", "text", "table", "enhanced"),
	}
}

func global(name, doc string, values ...string) Option {
	return Option{Name: name, Kind: "string", Doc: doc, Values: values}
}

func globalFlag(name, doc string) Option {
	return Option{Name: name, Kind: kindBoolean, Doc: doc, takes: noWord}
}

func seconds(name, doc string) Option {
	return Option{Name: name, Kind: "integer", Doc: doc}
}

// globalsOf returns what was given of the global options, checked in the order in
// which AWS CLI does it.
func globalsOf(s scanned) (Globals, error) {
	g := Globals{
		Region: s.text("--region"), Profile: s.text("--profile"),
		EndpointURL: s.text("--endpoint-url"), CABundle: s.text("--ca-bundle"),
		Output: s.text("--output"), Query: s.text("--query"), Color: s.text("--color"),
		ErrorFormat:  s.text("--cli-error-format"),
		BinaryFormat: s.text("--cli-binary-format"),
		Debug:        s.has("--debug"), NoVerifySSL: s.has("--no-verify-ssl"),
		NoSignRequest: s.has("--no-sign-request"), NoPaginate: s.has("--no-paginate"),
		NoPager: s.has("--no-cli-pager"), NoAutoPrompt: s.has("--no-cli-auto-prompt"),
	}
	if s.has(autoPrompt) {
		return g, newError(Value, "%s is not supported", autoPrompt)
	}
	if s.has("--query") && g.Query == "" {
		return g, newError(Value,
			"Bad value for --query : Invalid JMESPath expression: cannot be empty.")
	}
	if s.has("--endpoint-url") && !hasScheme(g.EndpointURL) {
		return g, newError(Value, `Bad value for --endpoint-url "%s": scheme is missing.  `+
			"Must be of the form http://<hostname>/ or https://<hostname>/", g.EndpointURL)
	}
	var err error
	if g.ReadTimeout, err = timeout(s, "read"); err != nil {
		return g, err
	}
	g.ConnectTimeout, err = timeout(s, "connect")
	return g, err
}

// hasScheme reports whether an address begins as URLs do. What follows is for those to
// check who use it.
func hasScheme(address string) bool {
	before, _, found := strings.Cut(address, ":")
	if !found {
		return false
	}
	u, err := url.Parse(before + ":")
	return err == nil && u.Scheme != ""
}

// timeout returns a limit that was given in seconds, and nil for one that was not.
func timeout(s scanned, what string) (*time.Duration, error) {
	option := "--cli-" + what + "-timeout"
	if !s.has(option) {
		return nil, nil
	}
	number, err := integer(s.text(option))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(number.String(), "-") {
		return nil, newError(General, "Attempted to set %s timeout to %s, but the timeout "+
			"cannot be set to a value less than or equal to 0.", what, number)
	}
	const most = math.MaxInt64 / int64(time.Second)
	n, _ := strconv.ParseInt(number.String(), 10, 64) // the largest, when out of range
	limit := time.Duration(min(n, most)) * time.Second
	return &limit, nil
}
