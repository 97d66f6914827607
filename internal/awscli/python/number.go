package python

import (
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// Integer returns the number of an int.
func Integer(i int) json.Number { return json.Number(strconv.Itoa(i)) }

// Float returns the number of a float.
func Float(f float64) json.Number {
	e := strconv.FormatFloat(f, 'e', -1, 64)
	_, exponent, finite := strings.Cut(e, "e")
	power, _ := strconv.Atoi(exponent)
	switch {
	case !finite:
		return json.Number(strings.ToLower(strings.TrimPrefix(e, "+"))) // inf, -inf or nan
	case power < -4 || power >= 16:
		return json.Number(e)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return json.Number(text)
}

// number returns a number of JSON as one of this package.
func number(n json.Number) json.Number {
	switch {
	case n == "-0":
		return "0"
	case IsInteger(n):
		return n
	}
	return Float(asFloat(n))
}

// IsInteger reports whether a number is an integer, and not a float.
func IsInteger(n json.Number) bool {
	return n != "" && strings.Trim(string(n), "-0123456789") == ""
}

// asFloat returns infinity for what is too large.
func asFloat(n json.Number) float64 {
	f, _ := strconv.ParseFloat(string(n), 64)
	return f
}

// integers returns two numbers when both are integers.
func integers(a, b json.Number) (x, y *big.Int, ok bool) {
	if !IsInteger(a) || !IsInteger(b) {
		return nil, nil, false
	}
	x, okX := new(big.Int).SetString(string(a), 10)
	y, okY := new(big.Int).SetString(string(b), 10)
	return x, y, okX && okY
}

// Compare returns -1 when a is less than b, 0 when they are equal, 1 when it is more.
func Compare(a, b json.Number) int {
	if x, y, ok := integers(a, b); ok {
		return x.Cmp(y)
	}
	x, y := asFloat(a), asFloat(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// Add returns the sum, which is an integer when both are.
func Add(a, b json.Number) json.Number {
	if x, y, ok := integers(a, b); ok {
		return json.Number(x.Add(x, y).String())
	}
	return Float(asFloat(a) + asFloat(b))
}

// Divide returns a float.
func Divide(a json.Number, by int) json.Number { return Float(asFloat(a) / float64(by)) }

// Round returns the integer that a way of rounding, such as math.Floor, makes of a
// number. An infinite one has none.
func Round(n json.Number, way func(float64) float64) (json.Number, bool) {
	if IsInteger(n) {
		return n, true
	}
	f := way(asFloat(n))
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return "", false
	}
	i, _ := big.NewFloat(f).Int(nil)
	return json.Number(i.String()), true
}

// What int and float take, besides other digits, nan and infinity.
var (
	integerText = regexp.MustCompile(`^[-+]?[0-9]+(_[0-9]+)*$`)
	floatText   = regexp.MustCompile(`^[-+]?([0-9]+(_[0-9]+)*\.?([0-9]+(_[0-9]+)*)?` +
		`|\.[0-9]+(_[0-9]+)*)([eE][-+]?[0-9]+(_[0-9]+)*)?$`)
)

// ParseNumber returns the number that a string names: an integer where Python's int
// takes it, a float where float does.
func ParseNumber(s string) (json.Number, bool) {
	s = strings.TrimSpace(s)
	plain := strings.ReplaceAll(s, "_", "")
	switch {
	case integerText.MatchString(s):
		i, ok := new(big.Int).SetString(plain, 10)
		return json.Number(i.String()), ok
	case floatText.MatchString(s):
		return Float(asFloat(json.Number(plain))), true
	}
	return "", false
}
