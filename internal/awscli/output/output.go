// Package output prints the answers and failures of operations as AWS CLI v2 does, in
// each of its formats, so that scripts can read them. Subpackage jmespath picks from
// answers what --query asks for. Who asks, and whom, is left to callers.
package output

import (
	"bufio"
	"io"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/output/jmespath"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// Formats are those of --output. Without one, the CLI prints JSON.
var Formats = []string{"json", "text", "table", "yaml", "yaml-stream", "off"}

// Options say how an answer is printed.
type Options struct {
	Format     string               // one of Formats; empty means json
	Query      *jmespath.Expression // what to print of an answer; nil means all
	Color      bool                 // in tables
	Width      int                  // of the terminal, for tables; 0 means defaultWidth
	Timestamps Timestamps
}

// Compile returns the expression of --query. An error is for the user to see.
func Compile(query string) (*jmespath.Expression, error) {
	expression, err := jmespath.Compile(query)
	if err != nil {
		return nil, python.Errorf("Bad value for --query %s: %v", query, err)
	}
	return expression, nil
}

// Print writes the answer to an operation; api.ParseJSON bounds how deep that is. When
// it does not fit the operation, the query or the format, the error is for the user to
// see, and part of the answer may have been written.
func Print(w io.Writer, op parley.Operation, answer api.Object, o Options) error {
	value, err := conformer{o.Timestamps}.conform(answer, op.Output(), op.Name)
	if err != nil || o.Format == "off" {
		return err
	}
	if o.Query != nil {
		if value, err = o.Query.Search(value); err != nil {
			return err
		}
	}
	return o.write(w, op.Name, value)
}

// write writes a value of package python; a table has a title.
func (o Options) write(w io.Writer, title string, value any) error {
	b := bufio.NewWriter(w)
	var err error
	switch o.Format {
	case "", "json":
		writeJSON(b, value)
	case "text":
		err = writeText(b, value)
	case "table":
		err = o.writeTable(b, title, value)
	case "yaml":
		writeYAML(b, value)
	case "yaml-stream":
		writeYAMLStream(b, value)
	default:
		err = python.Errorf("Unknown output type: %s", o.Format)
	}
	if flushed := b.Flush(); flushed != nil {
		return flushed
	}
	return err
}

// isNothing reports whether a value is an object without members: most formats print
// nothing then, as there is nothing to say about operations without an answer.
func isNothing(value any) bool {
	object, ok := value.(api.Object)
	return ok && len(object) == 0
}

func writeJSON(w *bufio.Writer, value any) {
	if !isNothing(value) {
		python.WriteJSON(w, value)
		w.WriteByte('\n')
	}
}
