package parley

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Check collects what is wrong with the members of a request, so that a caller
// is told of all of it at once: the first failure of each member, a list being
// one member. The zero value is ready to use. Lengths count Unicode code points.
type Check struct {
	fields []FieldError
	texts  []string
}

// Err returns nil when every check passed, else an *Error with code Invalid, one
// FieldError per bad member, and a message in the style of AWS's own validator.
func (c *Check) Err() error {
	if len(c.fields) == 0 {
		return nil
	}
	noun := "errors"
	if len(c.fields) == 1 {
		noun = "error"
	}
	return &Error{
		Code: Invalid,
		Message: fmt.Sprintf("%d validation %s detected: %s",
			len(c.fields), noun, strings.Join(c.texts, "; ")),
		Fields: c.fields,
	}
}

// Add records that the member name breaks a constraint, without its value.
func (c *Check) Add(name, constraint string) {
	c.record(name, constraint, "Value at '%s' failed to satisfy constraint: %s", name, constraint)
}

// addValue records a failure together with the value, cut to a sensible length.
func (c *Check) addValue(name, value, constraint string) {
	c.record(name, constraint, "Value '%s' at '%s' failed to satisfy constraint: %s",
		Shorten(value), name, constraint)
}

// Shorten cuts what a caller sent to a length that an error can show: 256 bytes, at
// a character.
func Shorten(s string) string {
	const maxBytes = 256
	if len(s) <= maxBytes {
		return s
	}
	return strings.ToValidUTF8(s[:maxBytes], "") + "…"
}

// record records the first failure of a member. A caller may send any number of
// further ones, which cost next to nothing.
func (c *Check) record(name, constraint, format string, args ...any) {
	if c.failed(name) {
		return
	}
	c.fields = append(c.fields, FieldError{Name: name, Message: constraint})
	c.texts = append(c.texts, fmt.Sprintf(format, args...))
}

// failed reports whether a failure of the member is recorded.
func (c *Check) failed(name string) bool {
	return slices.ContainsFunc(c.fields, func(f FieldError) bool { return f.Name == name })
}

// Required records that a required member is missing.
func (c *Check) Required(name string) { c.Add(name, "Member must not be null") }

// Length checks that value has min to max code points. Its value is not shown,
// because user ids and the like are sensitive.
func (c *Check) Length(name, value string, minLen, maxLen int) {
	switch n := utf8.RuneCountInString(value); {
	case n < minLen:
		c.Add(name, fmt.Sprintf("Member must have length greater than or equal to %d", minLen))
	case n > maxLen:
		c.Add(name, fmt.Sprintf("Member must have length less than or equal to %d", maxLen))
	}
}

// Pattern checks that value has min to max code points and matches pattern.
func (c *Check) Pattern(name, value string, minLen, maxLen int, pattern *regexp.Regexp) {
	before := len(c.fields)
	c.Length(name, value, minLen, maxLen)
	if len(c.fields) == before && !pattern.MatchString(value) {
		c.addValue(name, value, "Member must satisfy regular expression pattern: "+pattern.String())
	}
}

// Range checks that value is min to max.
func (c *Check) Range(name string, value, minValue, maxValue int) {
	shown := fmt.Sprint(value)
	switch {
	case value < minValue:
		c.addValue(name, shown,
			fmt.Sprintf("Member must have value greater than or equal to %d", minValue))
	case value > maxValue:
		c.addValue(name, shown,
			fmt.Sprintf("Member must have value less than or equal to %d", maxValue))
	}
}

// OneOf checks that value is one of allowed.
func (c *Check) OneOf(name, value string, allowed ...string) {
	if slices.Contains(allowed, value) || c.failed(name) {
		return
	}
	c.addValue(name, value,
		"Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
}

// Count checks that a list or map has at most max entries.
func (c *Check) Count(name string, n, maxCount int) {
	if n > maxCount {
		c.Add(name, fmt.Sprintf("Member must have length less than or equal to %d", maxCount))
	}
}

// Size checks that the UTF-8 bytes of all keys and values add up to at most max.
func (c *Check) Size(name string, attributes map[string]string, maxBytes int) {
	if AttributesSize(attributes) > maxBytes {
		c.Add(name, fmt.Sprintf("Keys and values must have at most %d bytes in total", maxBytes))
	}
}

// ARN checks that value names a resource of the given kind and returns it.
func (c *Check) ARN(name, value string, kind Kind) ARN {
	if arn, err := ParseARN(value); err == nil && arn.Kind == kind {
		return arn
	}
	c.Pattern(name, value, 1, MaxARNLen, arnPatterns[kind])
	return ARN{}
}

// AttributesSize returns the size of attributes as the limits count it: the UTF-8
// bytes of all keys and values.
func AttributesSize(attributes map[string]string) int {
	n := 0
	for k, v := range attributes {
		n += len(k) + len(v)
	}
	return n
}
