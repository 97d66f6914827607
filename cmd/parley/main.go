// Command parley is the Parley chat server.
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"
)

// cli is the command line: one member per command.
type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Config  configCmd  `cmd:"" help:"Work with configuration files."`
	Bench   benchCmd   `cmd:"" help:"Put load on a server and measure it."`
	Policy  policyCmd  `cmd:"" help:"Work with policies."`
	Quotas  quotasCmd  `cmd:"" help:"Show the limits of a running server, and what is used."`
	Version versionCmd `cmd:"" help:"Print the version and how it was built."`
}

func main() {
	var c cli
	parser, err := kong.New(&c,
		kong.Name("parley"),
		kong.Description("A self-hosted chat service that speaks the Amazon IVS Chat APIs."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.UsageOnError(),
	)
	if err != nil {
		panic(err) // the command line above is malformed
	}
	ctx, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	if err := ctx.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "parley:", err)
		os.Exit(1)
	}
}
