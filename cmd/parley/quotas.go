package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/app"
)

// quotasCmd shows the quotas of a running server.
type quotasCmd struct {
	Admin string `default:"http://127.0.0.1:8081" env:"PARLEY_ADMIN_URL" help:"URL of the server's admin listener."`
	JSON  bool   `help:"Print JSON instead of a table."`
}

// adminTimeout bounds a request to the admin listener.
const adminTimeout = 10 * time.Second

// Run prints a line per quota, and per account and region that uses some of it.
func (c *quotasCmd) Run() error {
	client := &http.Client{Timeout: adminTimeout}
	res, err := client.Get(c.Admin + "/quotas")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var report app.QuotaReport
	if err := json.NewDecoder(res.Body).Decode(&report); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s/quotas answered %s: is this the admin listener?", c.Admin, res.Status)
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
