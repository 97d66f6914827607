// Command parley is the Parley chat server, and a client of it.
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"
)

// cli is the command line: one member per command. The commands of the API's
// operations are not among them; see apiCommands.
type cli struct {
	Serve      serveCmd      `cmd:"" help:"Run the server."`
	Chat       chatCmd       `cmd:"" help:"Chat in a room, in the terminal."`
	Config     configCmd     `cmd:"" help:"Work with configuration files."`
	Bench      benchCmd      `cmd:"" help:"Put load on a server and measure it."`
	Policy     policyCmd     `cmd:"" help:"Work with policies."`
	Review     reviewCmd     `cmd:"" help:"Try out what reviews messages."`
	Quotas     quotasCmd     `cmd:"" help:"Show the limits of a running server, and what is used."`
	Logs       logsCmd       `cmd:"" help:"Look at chat logs."`
	Health     healthCmd     `cmd:"" help:"Ask a running server whether it is ready for traffic."`
	Cluster    clusterCmd    `cmd:"" help:"Look at the nodes of a cluster, and remove those that are gone."`
	Keys       keysCmd       `cmd:"" help:"Look at the keys that seal tokens, and rotate them."`
	Backup     backupCmd     `cmd:"" help:"Write all rooms and logging configurations of a running server to a file."`
	Restore    restoreCmd    `cmd:"" help:"Have a running server save what a backup has."`
	Help       helpCmd       `cmd:"" help:"Explain a command or a topic."`
	Completion completionCmd `cmd:"" help:"Print a script that completes commands in a shell."`
	Version    versionCmd    `cmd:"" help:"Say what was built, and how it was built."`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == completeWord {
		printCandidates(os.Stdout, complete(newParser(), os.Args[2:]))
		return
	}
	if code, ok := runAPI(os.Args[1:]); ok {
		os.Exit(code)
	}
	parser := newParser()
	ctx, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	if err := ctx.Run(parser); err != nil {
		fmt.Fprintln(os.Stderr, "parley:", err)
		os.Exit(1)
	}
}

// newParser returns the parser of all commands but those of the API, which it only
// lists.
func newParser() *kong.Kong {
	options := append([]kong.Option{
		kong.Name("parley"),
		kong.Description("A self-hosted chat service that speaks the Amazon IVS Chat APIs."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ExplicitGroups([]kong.Group{{Key: "api",
			Title: "API commands, as those of aws ivschat (parley help commands):"}}),
		kong.UsageOnError(),
	}, apiCommands()...)
	parser, err := kong.New(&cli{}, options...)
	if err != nil {
		panic(err) // the command line above is malformed
	}
	return parser
}
