package jmespath

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// What arguments of functions are taken to be.
var (
	anything    []string
	aNumber     = []string{"number"}
	aString     = []string{"string"}
	anArray     = []string{"array"}
	anObject    = []string{"object"}
	aReference  = []string{"expref"}
	numbers     = []string{"array-number"}
	strs        = []string{"array-string"}
	listOrText  = []string{"array", "string"}
	comparables = []string{"array-number", "array-string"}
)

var functions = map[string]function{
	"abs":         {takes: [][]string{aNumber}, run: abs},
	"avg":         {takes: [][]string{numbers}, run: avg},
	"ceil":        {takes: [][]string{aNumber}, run: rounded(math.Ceil)},
	"contains":    {takes: [][]string{listOrText, anything}, run: contains},
	"ends_with":   {takes: [][]string{aString, aString}, run: test(strings.HasSuffix)},
	"floor":       {takes: [][]string{aNumber}, run: rounded(math.Floor)},
	"join":        {takes: [][]string{aString, strs}, run: join},
	"keys":        {takes: [][]string{anObject}, run: keys},
	"length":      {takes: [][]string{{"string", "array", "object"}}, run: length},
	"map":         {takes: [][]string{aReference, anArray}, run: mapped},
	"max":         {takes: [][]string{comparables}, run: extreme(">")},
	"max_by":      {takes: [][]string{anArray, aReference}, run: extremeBy(">")},
	"merge":       {takes: [][]string{anObject}, variadic: true, run: merge},
	"min":         {takes: [][]string{comparables}, run: extreme("<")},
	"min_by":      {takes: [][]string{anArray, aReference}, run: extremeBy("<")},
	"not_null":    {takes: [][]string{anything}, variadic: true, run: notNull},
	"reverse":     {takes: [][]string{listOrText}, run: reverse},
	"sort":        {takes: [][]string{{"array-string", "array-number"}}, run: sorted},
	"sort_by":     {takes: [][]string{anArray, aReference}, run: sortedBy},
	"starts_with": {takes: [][]string{aString, aString}, run: test(strings.HasPrefix)},
	"sum":         {takes: [][]string{numbers}, run: sum},
	"to_array":    {takes: [][]string{anything}, run: toArray},
	"to_number":   {takes: [][]string{anything}, run: toNumber},
	"to_string":   {takes: [][]string{anything}, run: toString},
	"type":        {takes: [][]string{anything}, run: typeName},
	"values":      {takes: [][]string{anObject}, run: values},
}

func abs(_ call, arguments []any) (any, error) {
	n := arguments[0].(json.Number)
	return json.Number(strings.TrimPrefix(string(n), "-")), nil
}

func rounded(way func(float64) float64) func(call, []any) (any, error) {
	return func(_ call, arguments []any) (any, error) {
		n, ok := python.Round(arguments[0].(json.Number), way)
		if !ok {
			return nil, python.Errorf("cannot convert float infinity to integer")
		}
		return n, nil
	}
}

func total(list []any) json.Number {
	t := python.Integer(0)
	for _, n := range list {
		t = python.Add(t, n.(json.Number))
	}
	return t
}

func sum(_ call, arguments []any) (any, error) { return total(arguments[0].([]any)), nil }

func avg(_ call, arguments []any) (any, error) {
	list := arguments[0].([]any)
	if len(list) == 0 {
		return nil, nil
	}
	return python.Divide(total(list), len(list)), nil
}

func contains(_ call, arguments []any) (any, error) {
	text, ok := arguments[0].(string)
	if !ok {
		list := arguments[0].([]any)
		return slices.ContainsFunc(list, func(e any) bool {
			return python.Equal(e, arguments[1])
		}), nil
	}
	part, ok := arguments[1].(string)
	if !ok {
		return nil, python.Errorf("'in <string>' requires string as left operand, not %s",
			python.TypeName(arguments[1]))
	}
	return strings.Contains(text, part), nil
}

func test(holds func(s, part string) bool) func(call, []any) (any, error) {
	return func(_ call, arguments []any) (any, error) {
		return holds(arguments[0].(string), arguments[1].(string)), nil
	}
}

func join(_ call, arguments []any) (any, error) {
	var parts []string
	for _, part := range arguments[1].([]any) {
		parts = append(parts, part.(string))
	}
	return strings.Join(parts, arguments[0].(string)), nil
}

func keys(_ call, arguments []any) (any, error) {
	object := arguments[0].(api.Object)
	names := python.NewList(len(object))
	for _, f := range object {
		names = append(names, f.Name)
	}
	return names, nil
}

func values(_ call, arguments []any) (any, error) {
	return valuesOf(arguments[0].(api.Object)), nil
}

func length(_ call, arguments []any) (any, error) {
	switch v := arguments[0].(type) {
	case []any:
		return python.Integer(len(v)), nil
	case api.Object:
		return python.Integer(len(v)), nil
	}
	return python.Integer(utf8.RuneCountInString(arguments[0].(string))), nil
}

// each returns what an expression selects from each element, also where that is null.
func each(list []any, to reference) ([]any, error) {
	selected := python.NewList(len(list))
	for _, e := range list {
		v, err := to.to.eval(e)
		if err != nil {
			return nil, err
		}
		selected = append(selected, v)
	}
	return selected, nil
}

func mapped(_ call, arguments []any) (any, error) {
	return each(arguments[1].([]any), arguments[0].(reference))
}

func merge(_ call, arguments []any) (any, error) {
	merged := python.NewObject(0)
	at := map[string]int{} // where members are
	for _, argument := range arguments {
		for _, f := range argument.(api.Object) {
			if i, again := at[f.Name]; again {
				merged[i].Value = f.Value
				continue
			}
			at[f.Name] = len(merged)
			merged = append(merged, f)
		}
	}
	return merged, nil
}

func notNull(_ call, arguments []any) (any, error) {
	for _, v := range arguments {
		if v != nil {
			return v, nil
		}
	}
	return nil, nil
}

func reverse(_ call, arguments []any) (any, error) {
	if text, ok := arguments[0].(string); ok {
		runes := []rune(text)
		slices.Reverse(runes)
		return string(runes), nil
	}
	reversed := append(python.NewList(0), arguments[0].([]any)...)
	slices.Reverse(reversed)
	return reversed, nil
}

func toArray(_ call, arguments []any) (any, error) {
	if list, ok := arguments[0].([]any); ok {
		return list, nil
	}
	return append(python.NewList(1), arguments[0]), nil
}

func toNumber(_ call, arguments []any) (any, error) {
	switch v := arguments[0].(type) {
	case json.Number:
		return v, nil
	case string:
		if n, ok := python.ParseNumber(v); ok {
			return n, nil
		}
	}
	return nil, nil
}

func toString(_ call, arguments []any) (any, error) {
	if text, ok := arguments[0].(string); ok {
		return text, nil
	}
	return python.CompactJSON(arguments[0]), nil
}

func typeName(_ call, arguments []any) (any, error) { return typeOf(arguments[0]), nil }

// extreme finds the first element that compares so with all others.
func extreme(operator string) func(call, []any) (any, error) {
	return func(_ call, arguments []any) (any, error) {
		list := arguments[0].([]any)
		return most(list, list, operator)
	}
}

// extremeBy finds the first element whose key compares so with all others.
func extremeBy(operator string) func(call, []any) (any, error) {
	return func(c call, arguments []any) (any, error) {
		list := arguments[0].([]any)
		by, err := c.keysOf(list, arguments[1].(reference), "number", "string")
		if err != nil {
			return nil, err
		}
		return most(list, by, operator)
	}
}

// most returns the first element of a list of which the key has an operator to all
// other keys, and nil of an empty list.
func most(list, by []any, operator string) (any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	best := 0
	for i := 1; i < len(list); i++ {
		order, err := compare(by[i], by[best], operator)
		if err != nil {
			return nil, err
		}
		if order < 0 && operator == "<" || order > 0 && operator == ">" {
			best = i
		}
	}
	return list[best], nil
}

// keysOf returns what an expression selects from each element, which has to be of
// one of some types.
func (c call) keysOf(list []any, to reference, types ...string) ([]any, error) {
	by, err := each(list, to)
	if err != nil {
		return nil, err
	}
	for _, key := range by {
		if !slices.Contains(types, typeOf(key)) {
			return nil, c.typeProblem(key, typeOf(key), types)
		}
	}
	return by, nil
}

func sorted(_ call, arguments []any) (any, error) {
	list := arguments[0].([]any)
	return arrange(list, list)
}

// sortedBy has the first key say what type all have to be of.
func sortedBy(c call, arguments []any) (any, error) {
	list, to := arguments[0].([]any), arguments[1].(reference)
	if len(list) == 0 {
		return list, nil
	}
	first, err := to.to.eval(list[0])
	if err != nil {
		return nil, err
	}
	if !ordered(first) {
		return nil, c.typeProblem(list[0], typeOf(first), []string{"string", "number"})
	}
	by, err := c.keysOf(list, to, typeOf(first))
	if err != nil {
		return nil, err
	}
	return arrange(list, by)
}

// arrange returns a list in the order of keys, which are all strings or all numbers.
// Those with equal keys stay as they are.
func arrange(list, by []any) (any, error) {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		n, _ := compare(by[a], by[b], "<") // fails only for keys of two types
		return n
	})
	arranged := python.NewList(len(list))
	for _, i := range order {
		arranged = append(arranged, list[i])
	}
	return arranged, nil
}
