package output

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// ErrorFormats are those of --cli-error-format. Without one, the CLI has enhanced.
var ErrorFormats = []string{"legacy", "json", "yaml", "text", "table", "enhanced"}

// Failure is why a command failed.
type Failure struct {
	// Code is that of the service, or of the CLI, such as ParamValidation, NoRegion or
	// NoCredentials. Without one, there is but the message to print.
	Code    string
	Message string

	// What only refusals of the service have:
	Operation string     // such as CreateRoom
	Retries   int        // how often the call was repeated
	Exhausted bool       // no more retries were allowed
	Members   api.Object // the body of the refusal
}

// ErrorOptions say how a failure is printed.
type ErrorOptions struct {
	Program string // what the message begins with; empty means parley
	Format  string // one of ErrorFormats; any other means enhanced
	Color   bool   // in tables
	Width   int    // of the terminal, for tables; 0 means defaultWidth
}

// PrintError writes a failure.
func PrintError(w io.Writer, f Failure, o ErrorOptions) error {
	b := bufio.NewWriter(w)
	switch format := strings.ToLower(o.Format); {
	case f.Code == "" || format == "legacy" && f.Operation == "":
		o.writeMessage(b, f.Message)
	case format == "legacy":
		o.writeMessage(b, f.sentence())
	case format == "enhanced" || !slices.Contains(ErrorFormats, format):
		o.writeMessage(b, f.sentence())
		writeDetails(b, f.members())
	default:
		return Options{Format: format, Color: o.Color, Width: o.Width}.
			write(w, "error", f.members())
	}
	return b.Flush()
}

func (o ErrorOptions) writeMessage(w *bufio.Writer, message string) {
	message = strings.TrimSpace(cmp.Or(o.Program, "parley") + ": [ERROR]: " +
		strings.TrimSpace(message))
	fmt.Fprintf(w, "\n%s\n", message)
}

// sentence tells of the failure with its code.
func (f Failure) sentence() string {
	call := ""
	if f.Operation != "" {
		call = fmt.Sprintf(" when calling the %s operation", f.Operation)
	}
	if f.Exhausted {
		call += fmt.Sprintf(" (reached max retries: %d)", f.Retries)
	}
	return fmt.Sprintf("An error occurred (%s)%s: %s", f.Code, call, f.Message)
}

// Shapes of members of errors.
var (
	stringShape   = &parley.Shape{Type: parley.String}
	messageMember = parley.Member{Name: "message", Shape: stringShape}
	resource      = []parley.Member{
		messageMember,
		{Name: "resourceId", Shape: stringShape},
		{Name: "resourceType", Shape: stringShape},
	}
	limited = append(slices.Clone(resource),
		parley.Member{Name: "limit", Shape: &parley.Shape{Type: parley.Integer}})
	fields = &parley.Shape{Type: parley.List, Element: &parley.Shape{Members: []parley.Member{
		{Name: "name", Shape: stringShape}, messageMember}}}
)

// errorMembers are those of each error that the API documents. Source: API reference,
// Errors.
var errorMembers = map[string][]parley.Member{
	"AccessDeniedException":         {messageMember},
	"ConflictException":             resource,
	"InternalServerException":       {messageMember},
	"PendingVerification":           {messageMember},
	"ResourceNotFoundException":     resource,
	"ServiceQuotaExceededException": limited,
	"ThrottlingException":           limited,
	"ValidationException": {messageMember, {Name: "reason", Shape: stringShape},
		{Name: "fieldList", Shape: fields}},
}

// members returns what there is to tell of a failure. The service's has its message
// twice, as the CLI does: as it calls it, and as the API does.
func (f Failure) members() api.Object {
	code := api.Field{Name: "Code", Value: f.Code}
	message := api.Field{Name: "Message", Value: f.Message}
	if f.Operation == "" {
		return api.Object{code, message}
	}
	shape := &parley.Shape{Members: errorMembers[f.Code]}
	modelled, err := conformer{}.conform(f.Members, shape, f.Code)
	if err != nil {
		modelled = api.Object{} // better no details than none of the failure
	}
	return append(api.Object{message, code}, modelled.(api.Object)...)
}

// maxInline is the most values of a list or object that fit in a line of details.
const maxInline = 4

// writeDetails writes the members besides code and message, a line for each.
func writeDetails(w *bufio.Writer, members api.Object) {
	var details strings.Builder
	var hidden bool
	for _, f := range members {
		if name := strings.ToLower(f.Name); name == "code" || name == "message" {
			continue
		}
		detail, ok := inline(f.Value)
		hidden = hidden || !ok
		fmt.Fprintf(&details, "%s: %s\n", f.Name, detail)
	}
	if hidden {
		details.WriteString(`Use "--cli-error-format json" or another error format ` +
			"to see the full details.\n")
	}
	if details.Len() > 0 {
		w.WriteString("\nAdditional error details:\n" + details.String())
	}
}

// inline returns a value in a line, and whether it can be.
func inline(value any) (string, bool) {
	var parts []string
	form, fits := "[%s]", true
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			parts = append(parts, python.Str(e))
			fits = fits && isScalar(e)
		}
	case api.Object:
		form = "{%s}"
		for _, f := range v {
			parts = append(parts, f.Name+": "+python.Str(f.Value))
			fits = fits && isScalar(f.Value)
		}
	default:
		return python.Str(value), true
	}
	if !fits || len(parts) > maxInline {
		return "<complex value>", false
	}
	return fmt.Sprintf(form, strings.Join(parts, ", ")), true
}
