package main

import (
	"os"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/awscli"
	"github.com/parley-chat/parley/internal/awscli/input"
)

// runAPI runs the API command that the words name, if they name one, and returns the
// code to exit with.
func runAPI(words []string) (code int, ok bool) {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	command, rest, ok := awscli.Find(awscli.Config{
		Out: os.Stdout, Err: os.Stderr, Terminal: err == nil, Width: width,
		Version: versionLine(), FindLocal: findLocal,
	}, words)
	if !ok {
		return 0, false
	}
	ctx, stop := interruptible()
	defer stop()
	return command.Run(ctx, rest), true
}

// findLocal returns the server of this folder, or of the one that PARLEY_DATA names.
func findLocal() (awscli.Local, bool) {
	found, ok := app.FindLocal(dataFolder())
	return awscli.Local(found), ok
}

// apiCommands returns the API commands for the list of all commands. Only help sees
// them there: runAPI reads their lines before kong does.
func apiCommands() []kong.Option {
	var options []kong.Option
	for _, op := range parley.Operations {
		options = append(options, kong.DynamicCommand(input.Name(op.Name), op.Doc(), "api",
			&struct{}{}))
	}
	return options
}
