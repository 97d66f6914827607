package input

import (
	"fmt"
	"strings"
)

// Kind says at which step a command line failed. AWS CLI shows the kinds differently.
type Kind int

// The kinds. AWS CLI gives those of Usage, Value and Members the code ParamValidation.
const (
	// Usage is a line that does not fit the options. How to use the command follows.
	Usage Kind = iota
	// Unknown is a line with options or words that there are not. How to use the
	// command comes first, and there is no code.
	Unknown
	// Value is an option whose words have no value.
	Value
	// Members is a request that the API could not take.
	Members
	// General is a failure that AWS CLI did not foresee, shown without a code.
	General
)

// Codes to exit with.
const (
	exitInvalid = 252
	exitGeneral = 255
)

// Error is a command line that cannot be run.
type Error struct {
	Kind Kind
	Code int    // to exit with
	Text string // what AWS CLI says, without its prefix and without the usage
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

func usageError(format string, args ...any) error { return newError(Usage, format, args...) }

// valueError is about the words of one option.
func valueError(option, format string, args ...any) error {
	return newError(Value, "Error parsing parameter '%s': %s", option, fmt.Sprintf(format, args...))
}

func newError(kind Kind, format string, args ...any) error {
	code := exitInvalid
	if kind == General {
		code = exitGeneral
	}
	text := strings.TrimRightFunc(fmt.Sprintf(format, args...), isSpace)
	return &Error{Kind: kind, Code: code, Text: text}
}
