package input

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/parley-chat/parley"
)

// Option is an option of a command line.
type Option struct {
	Name     string   // such as --room-identifier
	Kind     string   // of its value: string, integer, list, map, structure; boolean has none
	Member   string   // of a request, that it sets; empty when it sets none
	Required bool     // unless the request comes from a document, or is not made
	Doc      string   // a sentence or two
	Values   []string // that it may have, as far as they are known
	// Shorthand shows the short form of a map's or a structure's value.
	Shorthand string

	takes takes
	alone []string      // what it has when it takes a word and there is none
	ends  bool          // nothing matters after it
	shape *parley.Shape // of the member
}

// takes is how many words an option takes.
type takes int

const (
	oneWord takes = iota
	noWord
	maybeOne
	anyWords
)

// The options that every operation has, besides those of its members.
const (
	inputJSON = "--cli-input-json"
	inputYAML = "--cli-input-yaml"
	skeleton  = "--generate-cli-skeleton"
	help      = "--help"
)

// The skeletons that there are.
const (
	SkeletonInput  = "input"
	SkeletonYAML   = "yaml-input"
	SkeletonOutput = "output"
)

// Options returns the options of an operation, those of its members first.
func Options(op parley.Operation) []Option {
	var all []Option
	for _, m := range op.Input().Members {
		all = append(all, memberOption(m))
	}
	return append(all,
		Option{Name: inputJSON, Kind: "string",
			Doc: "Members of the request, as JSON text or file://path. Other options go first."},
		Option{Name: inputYAML, Kind: "string",
			Doc: "Members of the request, as YAML text or file://path. Other options go first."},
		Option{Name: skeleton, Kind: "string", takes: maybeOne,
			Values: []string{SkeletonInput, SkeletonOutput, SkeletonYAML},
			alone:  []string{SkeletonInput},
			Doc: "Print a request to fill in, or what an answer looks like, and call nothing. " +
				"Default: input."},
		Option{Name: help, Kind: kindBoolean, takes: noWord, ends: true, Doc: "Show help."},
	)
}

const kindBoolean = "boolean"

// kinds are the types' names. Source: AWS CLI, help of its commands.
var kinds = map[parley.Type]string{
	parley.Structure: "structure",
	parley.List:      "list",
	parley.Map:       "map",
	parley.String:    "string",
	parley.Integer:   "integer",
	parley.Timestamp: "timestamp",
}

func memberOption(m parley.Member) Option {
	o := Option{Name: "--" + Name(m.Name), Kind: kinds[m.Shape.Type], Member: m.Name,
		Required: m.Required, Doc: m.Doc, shape: m.Shape}
	switch m.Shape.Type {
	case parley.List:
		o.takes, o.Values = anyWords, m.Shape.Element.Enum
	case parley.String:
		o.Values = m.Shape.Enum
	case parley.Map, parley.Structure:
		o.Shorthand = shorthandOf(m.Shape)
	}
	return o
}

// shorthandOf shows the short form of a value, without the braces around it.
func shorthandOf(s *parley.Shape) string {
	var parts []string
	for _, m := range s.Members {
		parts = append(parts, m.Name+"="+nestedShorthand(m.Shape))
	}
	if s.Type == parley.Map {
		value := nestedShorthand(s.Element)
		parts = append(parts, "KeyName1="+value, "KeyName2="+value)
	}
	return strings.Join(parts, ",")
}

func nestedShorthand(s *parley.Shape) string {
	if s.Type == parley.Structure || s.Type == parley.Map {
		return "{" + shorthandOf(s) + "}"
	}
	return kinds[s.Type]
}

// Name returns the name of an operation or a member on a command line: CreateChatToken
// is create-chat-token.
func Name(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		if i > 0 && unicode.IsUpper(r) && startsWord(letters, i) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// startsWord reports whether a capital begins a word: it does so after what is no
// capital, and as the last of several before a small letter.
func startsWord(letters []rune, at int) bool {
	return !unicode.IsUpper(letters[at-1]) ||
		at+1 < len(letters) && unicode.IsLower(letters[at+1])
}

// hint proposes one of the options for the first of the words that is like it, in a
// line to add to an error.
func hint(words []string, options []Option) string {
	var choices []string
	for _, o := range options {
		choices = append(choices, strings.TrimPrefix(o.Name, "--"))
	}
	for _, word := range words {
		name, _, _ := strings.Cut(word, "=")
		name, looks := strings.CutPrefix(name, "-")
		name = strings.ToLower(strings.TrimPrefix(name, "-"))
		near := similar(name, choices, 0.6)
		if looks && len(near) > 0 && "--"+near[0] != word {
			return fmt.Sprintf("\nDid you mean --%s?", near[0])
		}
	}
	return ""
}
