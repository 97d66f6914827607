package awscli

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/awscli/input"
)

// PrintHelp writes what the command of an operation does, and its options.
func PrintHelp(w io.Writer, op parley.Operation) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\n\nUsage: %s\n\nOptions:\n", op.Doc(), usageOf(op))
	for _, o := range input.Options(op) {
		printOption(b, o)
	}
	fmt.Fprint(b, "\nOptions of all API commands:\n")
	for _, o := range input.GlobalOptions() {
		printOption(b, o)
	}
	fmt.Fprint(b, "\nAnswer:\n")
	printMembers(b, op.Output(), "  ")
	fmt.Fprint(b, "\nMore: parley help commands, parley help credentials\n")
	return b.Flush()
}

// usageOf returns the least that a line of the command has.
func usageOf(op parley.Operation) string {
	words := []string{"parley", input.Name(op.Name)}
	for _, o := range input.Options(op) {
		if o.Required {
			words = append(words, o.Name, placeholder(o))
		}
	}
	return strings.Join(append(words, "[options]"), " ")
}

// placeholder stands for the value of an option.
func placeholder(o input.Option) string {
	switch o.Kind {
	case "boolean":
		return ""
	case "list":
		return "<value> [<value>…]"
	}
	return "<" + o.Kind + ">"
}

func printOption(w io.Writer, o input.Option) {
	head := strings.TrimRight(o.Name+" "+placeholder(o), " ")
	if o.Required {
		head += "  (required)"
	}
	fmt.Fprintf(w, "  %s\n", head)
	printWrapped(w, o.Doc)
	if len(o.Values) > 0 {
		printWrapped(w, "Values: "+strings.Join(o.Values, ", "))
	}
	if o.Shorthand != "" {
		printWrapped(w, "Shorthand: "+o.Shorthand)
	}
}

// textWidth is where lines of help end at the latest, in columns.
const textWidth = 80

// printWrapped writes a text below an option.
func printWrapped(w io.Writer, text string) {
	const indent = "      "
	line := indent
	for _, word := range strings.Fields(text) {
		if len(line) > len(indent) && len(line)+1+len(word) > textWidth {
			fmt.Fprintln(w, line)
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, line)
}

// printMembers writes the members of a structure, and of those in it.
func printMembers(w io.Writer, s *parley.Shape, indent string) {
	if len(s.Members) == 0 && indent == "  " {
		fmt.Fprintln(w, indent+"none")
	}
	for _, m := range s.Members {
		fmt.Fprintf(w, "%s%-*s  %s\n", indent, 34-len(indent), m.Name, m.Doc)
		inner := m.Shape
		if inner.Type == parley.List {
			inner = inner.Element
		}
		printMembers(w, inner, indent+"  ")
	}
}
