package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
)

// quotasCmd shows the quotas of a running server.
type quotasCmd struct {
	adminFlags `embed:""`
	JSON       bool `help:"Print JSON instead of a table."`
}

// Run prints a line per quota, and per account and region that uses some of it.
func (c *quotasCmd) Run() error {
	var report app.QuotaReport
	if err := c.look("/quotas", &report); err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	return printQuotas(report)
}

func printQuotas(report app.QuotaReport) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "QUOTA\tLIMIT\tACCOUNT\tREGION\tUSED")
	for _, name := range parley.QuotaNames() {
		limit := "none"
		if n := report.Limits[name]; n > 0 {
			limit = strconv.Itoa(n)
		}
		shown := false
		for _, use := range report.Use {
			if used, counted := use.Counts[name]; counted {
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\n", name, limit, use.Account, use.Region, used)
				shown = true
			}
		}
		if !shown {
			fmt.Fprintf(table, "%s\t%s\t\t\t\n", name, limit)
		}
	}
	return table.Flush()
}
