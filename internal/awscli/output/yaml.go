package output

import (
	"bufio"
	"fmt"
	"maps"
	"slices"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// writeYAML writes a value as YAML; a scalar becomes JSON.
func writeYAML(w *bufio.Writer, value any) {
	switch {
	case isNothing(value):
	case isScalar(value):
		writeJSON(w, value)
	default:
		y := yaml{w: w, indent: -1, whitespace: true, indention: true,
			anchors: map[any]string{}, written: map[any]bool{}}
		y.anchor(value)
		y.node(value, false)
		y.line()
	}
}

// writeYAMLStream writes a value as a list with nothing else.
func writeYAMLStream(w *bufio.Writer, value any) {
	if !isNothing(value) {
		writeYAML(w, append(python.NewList(1), value))
	}
}

// yaml writes YAML as LibYAML does, on which the CLI stands: where lines end depends
// on what was written before.
type yaml struct {
	w          *bufio.Writer
	column     int  // in code points
	indent     int  // of the collection being written; -1 outside of all
	whitespace bool // after a space or at the start of a line
	indention  bool // nothing but indicators in this line so far

	anchors map[any]string // by identity: "" for what occurs once
	number  int            // of anchors
	written map[any]bool   // those whose value has been written
}

// anchor gives an anchor to each list and object that occurs more than once.
func (y *yaml) anchor(value any) {
	id := python.Identity(value)
	if name, again := y.anchors[id]; again && id != nil {
		if name == "" {
			y.number++
			y.anchors[id] = fmt.Sprintf("id%03d", y.number)
		}
		return
	}
	if id != nil {
		y.anchors[id] = ""
	}
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			y.anchor(e)
		}
	case api.Object:
		members := byName(v)
		for _, name := range slices.Sorted(maps.Keys(members)) {
			y.anchor(members[name])
		}
	}
}

// node writes a value. That of a member stands after its name.
func (y *yaml) node(value any, ofMember bool) {
	id := python.Identity(value)
	if name := y.anchors[id]; id != nil && name != "" {
		if y.written[id] {
			y.indicator("*"+name, true, false, false)
			return
		}
		y.written[id] = true
		y.indicator("&"+name, true, false, false)
	}
	switch v := value.(type) {
	case []any:
		y.list(v, ofMember)
	case api.Object:
		y.object(v)
	default:
		y.scalar(v, false)
	}
}

// nest writes what is in a collection.
func (y *yaml) nest(deeper bool, write func()) {
	outer := y.indent
	switch {
	case y.indent < 0:
		y.indent = 0
	case deeper:
		y.indent += yamlIndent
	}
	write()
	y.indent = outer
}

// yamlIndent is how many spaces a level is further in.
const yamlIndent = 2

func (y *yaml) list(list []any, ofMember bool) {
	if len(list) == 0 {
		y.indicator("[", true, true, false)
		y.indicator("]", false, false, false)
		return
	}
	// The elements of a member are as far in as its name.
	y.nest(!ofMember || y.indention, func() {
		for _, e := range list {
			y.line()
			y.indicator("-", true, false, true)
			y.node(e, false)
		}
	})
}

func (y *yaml) object(object api.Object) {
	if len(object) == 0 {
		y.indicator("{", true, true, false)
		y.indicator("}", false, false, false)
		return
	}
	members := byName(object)
	y.nest(true, func() {
		for _, name := range slices.Sorted(maps.Keys(members)) {
			y.line()
			y.member(name, members[name])
		}
	})
}

// maxSimpleKey is the longest name that stands before a colon, in bytes. A longer one
// gets a line of its own, as one of several lines does.
const maxSimpleKey = 128

func (y *yaml) member(name string, value any) {
	if len(name) <= maxSimpleKey && !analyze(name).multiline {
		y.scalar(name, true)
		y.indicator(":", false, false, false)
	} else {
		y.indicator("?", true, false, true)
		y.scalar(name, false)
		y.line()
		y.indicator(":", true, false, true)
	}
	y.node(value, true)
}

// line starts a line, unless one was just started that is indented right.
func (y *yaml) line() {
	indent := max(y.indent, 0)
	if !y.indention || y.column > indent || y.column == indent && !y.whitespace {
		y.newline()
	}
	for y.column < indent {
		y.put(' ')
	}
	y.whitespace = true
	y.indention = true
}

func (y *yaml) newline() {
	y.w.WriteByte('\n')
	y.column = 0
}

func (y *yaml) put(r rune) {
	y.w.WriteRune(r)
	y.column++
}

func (y *yaml) puts(text string) {
	for _, r := range text {
		y.put(r)
	}
}

// indicator writes a mark: after a space if need be, and as what it is taken to be.
func (y *yaml) indicator(mark string, spaced, whitespace, indention bool) {
	if spaced && !y.whitespace {
		y.put(' ')
	}
	y.puts(mark)
	y.whitespace = whitespace
	y.indention = y.indention && indention
}
