package input

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// jsonProblems are Python's words for what Go's decoder finds wrong with JSON, by what
// that says.
var jsonProblems = []struct{ found, text string }{
	{"looking for beginning of value", "Expecting value"},
	{"looking for beginning of object key string",
		"Expecting property name enclosed in double quotes"},
	{"after object key:value pair", "Expecting ',' delimiter"},
	{"after array element", "Expecting ',' delimiter"},
	{"after object key", "Expecting ':' delimiter"},
	{"after top-level value", "Extra data"},
	{"in string literal", badControl},
	{"in string escape code", `Invalid \escape`},
	{`in \u hexadecimal character escape`, `Invalid \uXXXX escape`},
}

const badControl = "Invalid control character at"

// jsonProblem says what is wrong with text that could not be parsed, and where. The
// error is that of parsing it.
func jsonProblem(text string, err error) string {
	var ignored any
	var syntax *json.SyntaxError
	// A character that is allowed nowhere shows what is missing at the end.
	found := json.Unmarshal([]byte(text+"\x00"), &ignored)
	if json.Valid([]byte(text)) || !errors.As(found, &syntax) {
		return err.Error()
	}
	problem := syntax.Error()
	for _, p := range jsonProblems {
		if strings.Contains(problem, p.found) {
			problem = p.text
			break
		}
	}
	before := text[:min(int(syntax.Offset)-1, len(text))]
	if before == text && problem == badControl {
		problem = "Unterminated string"
	}
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return fmt.Sprintf("%s: line %d column %d (char %d)", problem, line, column,
		utf8.RuneCountInString(before))
}
