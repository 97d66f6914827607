package input

import (
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/api"
)

// documents are the options that give the members of a request as one text.
var documents = []struct {
	option string
	parse  func(text string) (api.Object, error)
}{
	{inputJSON, jsonDocument},
	{inputYAML, yamlDocument},
}

// documentOf returns the members that a line gives as a document, if it does.
func documentOf(s scanned) (api.Object, error) {
	var texts []string
	var parse func(string) (api.Object, error)
	for _, d := range documents {
		if !s.has(d.option) {
			continue
		}
		from, err := load(s.text(d.option))
		if err != nil {
			return nil, valueError(d.option, "%s", err)
		}
		texts, parse = append(texts, from.text), d.parse
	}
	switch len(texts) {
	case 0:
		return nil, nil
	case 1:
		return parse(texts[0])
	}
	return nil, newError(Value, "Only one --cli-input- parameter may be specified.")
}

func jsonDocument(text string) (api.Object, error) {
	if !utf8.ValidString(text) {
		return nil, valueError("cli-input-json", "Invalid JSON received.\nit is not UTF-8")
	}
	value, err := api.ParseJSON([]byte(text))
	if err != nil {
		return nil, valueError("cli-input-json", "Invalid JSON received.\n%s",
			jsonProblem(text, err))
	}
	return documentMembers(inputJSON, value)
}

func yamlDocument(text string) (api.Object, error) {
	value, err := parseYAML(text)
	if err != nil {
		return nil, valueError("cli-input-yaml", "Invalid YAML received.\n%s", err)
	}
	return documentMembers(inputYAML, value)
}

// documentMembers returns the members that a document's value is.
func documentMembers(option string, value any) (api.Object, error) {
	members, ok := value.(api.Object)
	if !ok {
		return nil, valueError(option, "Invalid type: expecting map, received %s", class(value))
	}
	return members, nil
}
