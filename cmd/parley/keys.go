package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/token"
)

// keysCmd holds the commands about the keys that seal tokens.
type keysCmd struct {
	List   keysListCmd   `cmd:"" help:"Show the keys that seal and open tokens."`
	Rotate keysRotateCmd `cmd:"" help:"Have a fresh key seal tokens, once every node has it."`
}

type keysListCmd struct {
	adminFlags `embed:""`
	outputFlag `embed:""`
}

// Run prints a line for each key.
func (c *keysListCmd) Run() error {
	var report app.KeyReport
	if err := c.look("/keys", &report); err != nil {
		return err
	}
	return c.print(report, func() error { return printKeys(report, time.Now()) })
}

type keysRotateCmd struct {
	adminFlags `embed:""`
	outputFlag `embed:""`
}

// Run rotates the keys and prints them.
func (c *keysRotateCmd) Run() error {
	var report app.KeyReport
	if err := c.change("/keys/rotate", &report); err != nil {
		return err
	}
	return c.print(report, func() error { return printKeys(report, time.Now()) })
}

func printKeys(report app.KeyReport, now time.Time) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tSTATE\tAGE\tNOTE")
	for _, key := range report.Keys {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", key.ID, key.State, ageText(now.Sub(key.Added)),
			keyNote(report, key, now))
	}
	return table.Flush()
}

// keyNote says what will become of a key.
func keyNote(report app.KeyReport, key app.KeyInfo, now time.Time) string {
	switch {
	case key.State == token.KeyNew:
		return "on its way to all nodes"
	case key.State == token.KeyRetired && key.Goes != nil:
		return "opens tokens for another " + ageText(key.Goes.Sub(now))
	case report.Next != nil:
		return "the next one follows in " + ageText(report.Next.Sub(now))
	}
	return "seals until parley keys rotate"
}

// ageText returns a time span as people read it: its two largest units.
func ageText(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d >= day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
