// Package input makes requests of command lines, as AWS CLI 2 does: it knows which
// options an operation of the API has, takes lines apart, reads values in all forms
// that AWS CLI has for them, and checks members before anything is sent. What it
// accepts, refuses and says is AWS CLI's; where the two differ, a test says so.
//
// Where a request goes, and what becomes of the answer, is left to callers.
package input

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
)

// Line is what a command line asks for: the first that is set of Version, Help and
// Skeleton, and without any a call.
type Line struct {
	Version bool
	Help    bool
	// Skeleton is the kind that is to be printed. Input is checked for SkeletonOutput
	// only.
	Skeleton string
	// Input has the members that options set, in the order of the operation, and then
	// those of a document that no option sets.
	Input   api.Object
	Globals Globals
}

// Find returns the operation that a line names, and all words but that name. The
// global options may stand before it.
func Find(words []string) (op parley.Operation, rest []string, ok bool) {
	s, err := table{options: GlobalOptions(), place: true}.scan(words)
	at := s.wordAt
	if err != nil || s.ended { // what there is to say about the line, Parse says
		at = slices.IndexFunc(words, func(word string) bool { return named(word) != nil })
	}
	if at < 0 || named(words[at]) == nil {
		return parley.Operation{}, nil, false
	}
	return *named(words[at]), slices.Concat(words[:at], words[at+1:]), true
}

// named returns the operation with a name as on command lines, or nil.
func named(name string) *parley.Operation {
	for i, op := range parley.Operations {
		if Name(op.Name) == name {
			return &parley.Operations[i]
		}
	}
	return nil
}

// Parse returns what a line asks for, given all its words but the name of the
// operation. Errors are of type *Error. With one of kind Members the line is complete
// all the same, since AWS CLI looks for a region before it checks members.
func Parse(op parley.Operation, words []string) (Line, error) {
	for _, word := range words {
		if !utf8.ValidString(word) {
			return Line{}, newError(Value, "%q is not UTF-8", word)
		}
	}
	top, err := table{options: GlobalOptions()}.scan(words)
	if err != nil {
		return Line{}, err
	}
	if top.has(version) {
		return Line{Version: true}, nil
	}
	line := Line{}
	if line.Globals, err = globalsOf(top); err != nil {
		return line, err
	}
	rest := top.rest
	if len(rest) > 0 && rest[0] == separator {
		rest = rest[1:] // it belongs to the name of the operation
	}
	err = line.read(op, rest)
	return line, err
}

// read takes the words that are no global options.
func (l *Line) read(op parley.Operation, words []string) error {
	if len(words) == 1 && words[0] == helpWord {
		l.Help = true
		return nil
	}
	options := Options(op)
	s, err := table{options: options, place: true}.scan(words)
	if err != nil {
		return err
	}
	if s.has(help) {
		l.Help = true
		return nil
	}
	l.Skeleton = s.text(skeleton)
	if missing := l.missing(options, s); len(missing) > 0 {
		return usageError("the following arguments are required: %s%s",
			names(missing), hint(s.rest, missing))
	}
	if s.word == helpWord {
		l.Help = true
		return nil
	}
	if s.word != "" { // an empty one is ignored, as a variable of a script may be
		s.rest = append(s.rest, s.word)
	}
	if len(s.rest) > 0 {
		return newError(Unknown, "Unknown options: %s%s", strings.Join(s.rest, ", "),
			hint(s.rest, slices.Concat(options, GlobalOptions())))
	}
	return l.fill(op, options, s)
}

// helpWord asks for help as the option does.
const helpWord = "help"

// missing returns the options that a line has to have and has not. With a document, or
// for a skeleton of the input, it needs none.
func (l *Line) missing(options []Option, s scanned) []Option {
	if s.has(inputJSON) || s.has(inputYAML) ||
		l.Skeleton == SkeletonInput || l.Skeleton == SkeletonYAML {
		return nil
	}
	var missing []Option
	for _, o := range options {
		if o.Required && !s.has(o.Name) {
			missing = append(missing, o)
		}
	}
	return missing
}

// fill sets the members of the request and checks them.
func (l *Line) fill(op parley.Operation, options []Option, s scanned) error {
	for _, o := range options {
		if o.Member == "" || !s.has(o.Name) {
			continue
		}
		value, err := o.value(s.given[o.Name])
		if err != nil {
			return err
		}
		l.Input = append(l.Input, api.Field{Name: o.Member, Value: value})
	}
	document, err := documentOf(s)
	if err != nil {
		return err
	}
	set := l.Input
	for _, f := range document {
		if _, given := set.Get(f.Name); !given {
			l.Input = append(l.Input, f)
		}
	}
	if l.Skeleton == SkeletonInput || l.Skeleton == SkeletonYAML {
		return nil
	}
	return check(op.Input(), l.Input)
}
