package main

import (
	"fmt"

	"github.com/parley-chat/parley/internal/app"
)

// configCmd holds the commands about configuration files.
type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Report every mistake in a configuration file."`
}

type configCheckCmd struct {
	File string `arg:"" help:"The file to check."`
}

// Run reports all mistakes at once, or that there are none.
func (c *configCheckCmd) Run() error {
	if _, err := app.LoadConfig(c.File); err != nil {
		return err
	}
	fmt.Println(c.File + ": ok")
	return nil
}
