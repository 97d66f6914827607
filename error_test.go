package parley_test

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"testing"

	"github.com/parley-chat/parley"
)

// asError returns the *parley.Error that err is or wraps.
func asError(t *testing.T, err error) *parley.Error {
	t.Helper()
	var e *parley.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v of type %T is no *parley.Error", err, err)
	}
	return e
}

func TestEveryCodeHasItsOwnName(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	seen := map[string]parley.Code{}
	for i, code := range parley.Codes() {
		name := code.String()
		if int(code) != i || !form.MatchString(name) {
			t.Errorf("code %d at position %d has the name %q, want lower case words", code, i, name)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("codes %d and %d are both named %q", other, code, name)
		}
		seen[name] = code
	}
	for _, want := range []parley.Code{parley.Internal, parley.Invalid, parley.ExpiredToken} {
		if seen[want.String()] != want {
			t.Errorf("Codes does not return %v", want)
		}
	}
}

func TestCodeThatIsNone(t *testing.T) {
	past := parley.Code(len(parley.Codes()))
	tests := map[parley.Code]string{-1: "code(-1)", past: fmt.Sprintf("code(%d)", past)}
	for code, want := range tests {
		if got := code.String(); got != want {
			t.Errorf("code %d is named %q, want %q", int(code), got, want)
		}
	}
}

func TestCodeOf(t *testing.T) {
	notFound := parley.Errorf(parley.NotFound, "no room %d", 7)
	tests := []struct {
		name string
		err  error
		want parley.Code
	}{
		{"nil", nil, parley.Internal},
		{"plain", io.EOF, parley.Internal},
		{"itself", notFound, parley.NotFound},
		{"wrapped", fmt.Errorf("load: %w", fmt.Errorf("read: %w", notFound)), parley.NotFound},
		{"joined", errors.Join(io.EOF, notFound), parley.NotFound},
		{"outermost wins", &parley.Error{Code: parley.Conflict, Err: notFound}, parley.Conflict},
		{"no code chosen", &parley.Error{Err: notFound}, parley.Internal},
	}
	for _, test := range tests {
		if got := parley.CodeOf(test.err); got != test.want {
			t.Errorf("%s: CodeOf(%v) = %v, want %v", test.name, test.err, got, test.want)
		}
	}
}

func TestErrorText(t *testing.T) {
	tests := []struct {
		err  parley.Error
		want string
	}{
		{parley.Error{Message: "no such room"}, "no such room"},
		{parley.Error{Err: io.EOF}, "EOF"},
		{parley.Error{Message: "no such room", Err: io.EOF}, "no such room: EOF"},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%+v has the text %q, want %q", test.err, got, test.want)
		}
		if test.err.Err != nil && !errors.Is(&test.err, io.EOF) {
			t.Errorf("%+v does not unwrap to its cause", test.err)
		}
	}
}
