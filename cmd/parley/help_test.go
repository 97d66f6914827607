package main

import (
	"regexp"
	"slices"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/awscli/input"
)

var (
	namedCommand = regexp.MustCompile(`(?m)parley ([a-z][a-z-]+)`)
	namedFlag    = regexp.MustCompile(`--[a-z][a-z-]+`)
)

// TestTopicsAreTrue checks that the commands and options in the topics exist.
func TestTopicsAreTrue(t *testing.T) {
	commands, flags := known(newParser())
	for _, name := range topicNames() {
		text, err := topics.ReadFile("topics/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range namedCommand.FindAllSubmatch(text, -1) {
			if command := string(found[1]); !slices.Contains(commands, command) {
				t.Errorf("topic %s names parley %s, which is no command", name, command)
			}
		}
		for _, flag := range namedFlag.FindAll(text, -1) {
			if !slices.Contains(flags, string(flag)) {
				t.Errorf("topic %s names %s, which no command has", name, flag)
			}
		}
	}
}

// known returns the commands and the options that there are.
func known(parser *kong.Kong) (commands, flags []string) {
	for _, child := range parser.Model.Children {
		commands = append(commands, child.Name)
	}
	for _, f := range flagsBelow(parser.Model.Node) {
		flags = append(flags, f.word)
	}
	for _, op := range parley.Operations {
		for _, o := range slices.Concat(input.Options(op), input.GlobalOptions()) {
			flags = append(flags, o.Name)
		}
	}
	return commands, flags
}

// flagsBelow returns the options of a command and of all below it.
func flagsBelow(node *kong.Node) []candidate {
	all := flagWords(node, nil)
	for _, child := range node.Children {
		all = append(all, flagsBelow(child)...)
	}
	return all
}
