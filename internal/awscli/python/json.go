package python

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/parley-chat/parley/internal/api"
)

// WriteJSON writes a value as the CLI prints it: over several lines, each level four
// spaces further in, and all but control characters as they are.
func WriteJSON(w *bufio.Writer, v any) {
	e := encoder{b: w, indented: true}
	e.value(v, 0)
}

// CompactJSON returns a value without any space, and in ASCII.
func CompactJSON(v any) string {
	var b strings.Builder
	e := encoder{b: &b, ascii: true}
	e.value(v, 0)
	return b.String()
}

// encoder writes JSON. That of the standard library orders, escapes and writes
// numbers differently.
type encoder struct {
	b        builder
	indented bool
	ascii    bool
}

// builder is what a strings.Builder and a bufio.Writer have in common. Errors of the
// second come up when it is flushed.
type builder interface {
	io.Writer
	io.ByteWriter
	io.StringWriter
	WriteRune(r rune) (int, error)
}

func (e *encoder) value(v any, depth int) {
	switch v := v.(type) {
	case nil:
		e.b.WriteString("null")
	case bool:
		e.b.WriteString(strconv.FormatBool(v))
	case string:
		e.text(v)
	case json.Number:
		e.b.WriteString(jsonNumber(v))
	case []any:
		e.nested("[", "]", len(v), depth, func(i int) { e.value(v[i], depth+1) })
	case api.Object:
		e.nested("{", "}", len(v), depth, func(i int) {
			e.text(v[i].Name)
			e.b.WriteByte(':')
			if e.indented {
				e.b.WriteByte(' ')
			}
			e.value(v[i].Value, depth+1)
		})
	}
}

// nested writes what a list or an object holds. An empty one takes no line.
func (e *encoder) nested(opening, closing string, size, depth int, write func(i int)) {
	e.b.WriteString(opening)
	for i := range size {
		if i > 0 {
			e.b.WriteByte(',')
		}
		e.line(depth + 1)
		write(i)
	}
	if size > 0 {
		e.line(depth)
	}
	e.b.WriteString(closing)
}

func (e *encoder) line(depth int) {
	if e.indented {
		e.b.WriteByte('\n')
		for range depth {
			e.b.WriteString("    ")
		}
	}
}

// jsonNumber returns a number as JSON has it, or as Python's JSON does.
func jsonNumber(n json.Number) string {
	switch n {
	case "inf":
		return "Infinity"
	case "-inf":
		return "-Infinity"
	}
	return string(n)
}

// The escapes of JSON that are shorter than the number of the character.
var shortEscapes = map[rune]string{
	'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`,
}

func (e *encoder) text(s string) {
	e.b.WriteByte('"')
	for _, r := range s {
		switch short, ok := shortEscapes[r]; {
		case ok:
			e.b.WriteString(short)
		case r > 0xffff && e.ascii:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(e.b, `\u%04x\u%04x`, high, low)
		case r < ' ' || r > '~' && e.ascii:
			fmt.Fprintf(e.b, `\u%04x`, r)
		default:
			e.b.WriteRune(r)
		}
	}
	e.b.WriteByte('"')
}
