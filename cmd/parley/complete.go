package main

import (
	"embed"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/awscli/input"
)

// completionCmd prints a script that has a shell ask this program what could follow.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// scripts holds a script for each shell.
//
//go:embed completions
var scripts embed.FS

// Run prints the script.
func (c *completionCmd) Run() error {
	script, err := scripts.ReadFile("completions/parley." + c.Shell)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(script)
	return err
}

// completeWord is the command that the scripts run, with the words of the line up to
// the one that is being typed.
const completeWord = "__complete"

// candidate is a word that could stand where one is being typed.
type candidate struct{ word, doc string }

// printCandidates writes a line for each: the word, and after a tab what it is.
func printCandidates(w io.Writer, list []candidate) {
	for _, c := range list {
		fmt.Fprintf(w, "%s\t%s\n", c.word, c.doc)
	}
}

// complete returns what the last of words, which may be empty, could become. None
// means that a file or a free value is expected.
func complete(parser *kong.Kong, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	before, typed := words[:len(words)-1], words[len(words)-1]
	var all []candidate
	if op, rest, ok := input.Find(before); ok {
		all = optionWords(op, rest, typed)
	} else {
		all = commandWords(parser, before, typed)
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return !strings.HasPrefix(c.word, typed) })
}

// optionWords returns what can follow in the line of an API command.
func optionWords(op parley.Operation, before []string, typed string) []candidate {
	options := slices.Concat(input.Options(op), input.GlobalOptions())
	if values, ok := valuesOf(options, before, typed); ok {
		return values
	}
	var all []candidate
	for _, o := range options {
		if !slices.Contains(before, o.Name) {
			all = append(all, candidate{o.Name, o.Doc})
		}
	}
	return all
}

// valuesOf returns the known values of the option whose value is being typed, and
// whether there is such an option.
func valuesOf(options []input.Option, before []string, typed string) ([]candidate, bool) {
	last := len(before) - 1
	for last >= 0 && !strings.HasPrefix(before[last], "--") {
		last--
	}
	if last < 0 || strings.HasPrefix(typed, "-") {
		return nil, false
	}
	i := slices.IndexFunc(options, func(o input.Option) bool { return o.Name == before[last] })
	if i < 0 {
		return nil, true
	}
	given := len(before) - 1 - last
	switch kind := options[i].Kind; {
	case kind == "boolean", kind != "list" && given > 0:
		return nil, false
	}
	var values []candidate
	for _, value := range options[i].Values {
		if !slices.Contains(before[last+1:], value) {
			values = append(values, candidate{value, ""})
		}
	}
	return values, true
}

// commandWords returns what can follow in the line of any other command.
func commandWords(parser *kong.Kong, before []string, typed string) []candidate {
	node, flag := parser.Model.Node, (*kong.Flag)(nil)
	for _, word := range before {
		child := childNamed(node, word)
		switch {
		case flag != nil:
			flag = nil // this was its value
		case strings.HasPrefix(word, "--"):
			flag = flagThatWaits(node, word)
		case child != nil:
			node = child
		}
	}
	switch {
	case flag != nil:
		return enumWords(flag.EnumSlice())
	case strings.HasPrefix(typed, "-"):
		return flagWords(node, before)
	case len(node.Children) > 0:
		return childWords(node)
	case node.Name == "help" && node.Parent == parser.Model.Node:
		return helpWords(parser)
	}
	if len(node.Positional) > 0 {
		return enumWords(node.Positional[0].EnumSlice())
	}
	return nil
}

func childNamed(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// flagThatWaits returns the flag that a word names, if its value is in the next word.
func flagThatWaits(node *kong.Node, word string) *kong.Flag {
	for _, group := range node.AllFlags(true) {
		for _, f := range group {
			if "--"+f.Name == word && !f.IsBool() {
				return f
			}
		}
	}
	return nil
}

func flagWords(node *kong.Node, before []string) []candidate {
	var all []candidate
	for _, group := range node.AllFlags(true) {
		for _, f := range group {
			if word := "--" + f.Name; !slices.Contains(before, word) {
				all = append(all, candidate{word, f.Help})
			}
		}
	}
	return all
}

func childWords(node *kong.Node) []candidate {
	var all []candidate
	for _, child := range node.Children {
		if !child.Hidden {
			all = append(all, candidate{child.Name, child.Help})
		}
	}
	return all
}

// helpWords returns all that can be explained.
func helpWords(parser *kong.Kong) []candidate {
	all := childWords(parser.Model.Node)
	for _, name := range topicNames() {
		all = append(all, candidate{name, "topic"})
	}
	return all
}

func enumWords(values []string) []candidate {
	var all []candidate
	for _, value := range values {
		if value != "" {
			all = append(all, candidate{value, ""})
		}
	}
	return all
}
