package main

import (
	"fmt"

	"github.com/alecthomas/kong"
)

// configCmd holds the commands about configuration files.
type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Report every mistake in a configuration file."`
}

type configCheckCmd struct {
	File string `arg:"" help:"The file to check."`
}

// Run reports all mistakes at once, or that there are none: as a server would that is
// started with the file, in the same environment.
func (c *configCheckCmd) Run() error {
	var server serveCmd
	parser, err := kong.New(&server)
	if err != nil {
		return err
	}
	if _, err := parser.Parse([]string{"--config", c.File}); err != nil {
		return err
	}
	if _, err := server.config(); err != nil {
		return err
	}
	_, err = fmt.Println(c.File + ": ok")
	return err
}
