package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/parley-chat/parley/internal/awscli"
	"github.com/parley-chat/parley/internal/awscli/input"
)

// helpCmd explains a command or a topic.
type helpCmd struct {
	Words []string `arg:"" optional:"" name:"topic" help:"A command, such as create-room or config check, or a topic."`
}

// topics holds the texts that belong to no command, one file each.
//
//go:embed topics/*.txt
var topics embed.FS

// Run prints the text.
func (c *helpCmd) Run(parser *kong.Kong) error {
	if len(c.Words) == 0 {
		return helpOfAll(parser)
	}
	if text, err := topics.ReadFile("topics/" + c.Words[0] + ".txt"); err == nil {
		_, err := os.Stdout.Write(text)
		return err
	}
	if op, _, ok := input.Find(c.Words[:1]); ok {
		return awscli.PrintHelp(os.Stdout, op)
	}
	if _, err := parser.Parse(append(c.Words, "--help")); err != nil { // else it has exited
		return fmt.Errorf("%w; the topics are %s", err, strings.Join(topicNames(), ", "))
	}
	return nil
}

// helpOfAll prints all commands and topics.
func helpOfAll(parser *kong.Kong) error {
	ctx, err := kong.Trace(parser, nil)
	if err != nil {
		return err
	}
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	fmt.Println("\nTopics, for parley help:", strings.Join(topicNames(), ", "))
	return nil
}

func topicNames() []string {
	files, err := fs.ReadDir(topics, "topics")
	if err != nil {
		panic(err) // they are in the binary
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".txt"))
	}
	return names
}
