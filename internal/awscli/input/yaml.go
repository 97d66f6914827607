package input

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/python"
)

// Bounds of a YAML document, in which a few aliases can stand for very much.
const (
	maxYAMLNodes = 100_000
	maxYAMLDepth = 100
)

// parseYAML returns the value of a document of YAML 1.2, of the types that ParseJSON
// has, or a python.Foreign.
func parseYAML(text string) (any, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not UTF-8")
	}
	dec := yaml.NewDecoder(strings.NewReader(text))
	var document yaml.Node
	err := dec.Decode(&document)
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	case !errors.Is(dec.Decode(&yaml.Node{}), io.EOF):
		return nil, errors.New("there is more after the document")
	}
	r := &yamlReader{left: maxYAMLNodes}
	return r.value(document.Content[0], 0)
}

// yamlReader makes values of nodes.
type yamlReader struct {
	left int // nodes that it may still read
}

func (r *yamlReader) value(n *yaml.Node, depth int) (any, error) {
	r.left--
	if r.left < 0 || depth > maxYAMLDepth {
		return nil, errors.New("it is too large, or nested too deeply")
	}
	switch n.Kind {
	case yaml.AliasNode:
		return r.value(n.Alias, depth+1)
	case yaml.ScalarNode:
		return scalar(n)
	case yaml.SequenceNode:
		return r.list(n, depth)
	}
	return r.members(n, depth)
}

func (r *yamlReader) list(n *yaml.Node, depth int) (any, error) {
	list := make([]any, len(n.Content))
	for i, element := range n.Content {
		var err error
		if list[i], err = r.value(element, depth+1); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (r *yamlReader) members(n *yaml.Node, depth int) (any, error) {
	own, all := newMembers(), newMembers()
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, err := r.value(value, depth+1)
		switch {
		case err != nil:
			return nil, err
		case key.ShortTag() == "!!merge":
			err = merge(all, read)
		case key.ShortTag() != "!!str":
			err = errors.New("the key is no string; quotes make it one")
		case own.has(key.Value):
			err = fmt.Errorf("the key %s is there twice", key.Value)
		default:
			own.set(key.Value, read)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", key.Line, err)
		}
	}
	for _, f := range own.object {
		all.set(f.Name, f.Value)
	}
	return all.object, nil
}

// merge adds the members of a map, or of several, to others, but for names that these
// have.
func merge(all *members, value any) error {
	maps, ok := value.([]any)
	if !ok {
		maps = []any{value}
	}
	for _, m := range maps {
		object, ok := m.(api.Object)
		if !ok {
			return errors.New("only maps can be merged")
		}
		for _, f := range object {
			if !all.has(f.Name) {
				all.set(f.Name, f.Value)
			}
		}
	}
	return nil
}

// scalar returns the value of a node that has no others in it.
func scalar(n *yaml.Node) (any, error) {
	switch n.ShortTag() {
	case "!!str":
		return n.Value, nil
	case "!!null":
		return nil, nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), nil
	case "!!int", "!!float":
		return yamlNumber(n.Value), nil
	case "!!timestamp":
		return timestamp(n.Value), nil
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(n.Value)
		return python.Bytes(string(data)), err
	}
	return nil, fmt.Errorf("line %d: the type %s is not known", n.Line, n.Tag)
}

// yamlInteger matches the integers of YAML 1.2, and those of other bases.
var yamlInteger = regexp.MustCompile(`^([-+]?)(?:(0x|0o|0b)?([0-9a-fA-F_]+))$`)

// yamlNumber returns the number that text is. A zero at the beginning does not make it
// octal.
func yamlNumber(text string) any {
	parts := yamlInteger.FindStringSubmatch(text)
	if parts != nil {
		base := map[string]int{"": 10, "0x": 16, "0o": 8, "0b": 2}[parts[2]]
		digits := strings.ReplaceAll(parts[3], "_", "")
		if n, ok := new(big.Int).SetString(parts[1]+digits, base); ok {
			return json.Number(n.String())
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return python.Float(f)
	}
	return python.Foreign{Text: strings.NewReplacer(".", "", "+", "").Replace(strings.ToLower(text)),
		Type: "float"}
}

// timestamp returns a date, or a date and a time.
func timestamp(text string) python.Foreign {
	if strings.ContainsRune(text, ':') {
		return python.Foreign{Text: text, Type: "datetime.datetime"}
	}
	return python.Foreign{Text: text, Type: "datetime.date"}
}
