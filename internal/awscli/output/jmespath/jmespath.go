// Package jmespath evaluates expressions of JMESPath, the language of the AWS CLI's
// --query, as the implementation in Python does that the CLI has: also where it goes
// beyond the specification, such as in comparing strings, and in the words of errors.
// Objects keep their order, and integers stay such. Values are those of package python.
package jmespath

import "github.com/parley-chat/parley/internal/awscli/python"

// Expression is a compiled expression. It can be used by several goroutines.
type Expression struct{ root node }

// Compile returns the expression that a text is. Functions are looked up no sooner
// than they are called.
func Compile(text string) (*Expression, error) {
	if text == "" {
		return nil, python.Errorf("Invalid JMESPath expression: cannot be empty.")
	}
	p := parser{text: text}
	if err := p.scan(); err != nil {
		return nil, err
	}
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	return &Expression{root}, nil
}

// Search returns what the expression selects from a value, which is nil when that is
// nothing. An error tells of a function called in a wrong way, or of values that
// cannot be compared.
func (e *Expression) Search(value any) (any, error) { return e.root.eval(value) }
