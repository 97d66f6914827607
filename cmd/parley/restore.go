package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/store/backup"
)

// restoreCmd has a running server save what a backup has.
type restoreCmd struct {
	File      string `arg:"" help:"Backup to read; - is standard input."`
	Overwrite bool   `help:"Replace what is there with other content."`
	DryRun    bool   `help:"Only say what would be done."`

	adminFlags `embed:""`
	outputFlag `embed:""`
}

// Run sends the backup and prints what was done.
func (c *restoreCmd) Run() error {
	ctx, stop := interruptible()
	defer stop()
	in := os.Stdin
	if c.File != stdio {
		var err error
		if in, err = os.Open(c.File); err != nil {
			return err
		}
		defer in.Close()
	}
	res, err := c.do(ctx, http.MethodPost, "/restore?"+c.query().Encode(), io.NopCloser(in))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Type") != "application/json" {
		return refused(res)
	}
	var answer app.RestoreAnswer
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return notAdmin(res)
	}
	if res.StatusCode != http.StatusOK && answer.Error == "" { // the answer of another listener
		return notAdmin(res)
	}
	err = c.print(answer, func() error { return c.table(answer) })
	if answer.Error != "" {
		err = errors.Join(err, errors.New(answer.Error))
	}
	return err
}

func (c *restoreCmd) query() url.Values {
	query := url.Values{}
	if c.Overwrite {
		query.Set("overwrite", "")
	}
	if c.DryRun {
		query.Set("dry-run", "")
	}
	return query
}

// table prints a line for each thing that was done, or would be. A damaged backup has
// none.
func (c *restoreCmd) table(answer app.RestoreAnswer) error {
	report := answer.Report
	if answer.Error != "" && report.Sum() == 0 {
		return nil
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	title := "RESTORED"
	if c.DryRun || report.Conflicting.Sum() > 0 {
		title = "WOULD BE"
	}
	fmt.Fprintf(table, "%s\tLOGGING CONFIGURATIONS\tROOMS\t\n", title)
	for _, line := range []struct {
		what   string
		counts backup.Counts
	}{
		{"created", report.Created}, {"overwritten", report.Overwritten},
		{"unchanged", report.Unchanged}, {"in conflict", report.Conflicting},
	} {
		fmt.Fprintf(table, "%s\t%d\t%d\t\n", line.what, line.counts.LoggingConfigurations, line.counts.Rooms)
	}
	err := table.Flush()
	for _, arn := range report.Conflicts {
		fmt.Println("other content:", arn)
	}
	if more := report.Conflicting.Sum() - len(report.Conflicts); more > 0 {
		fmt.Println("and", more, "more")
	}
	return err
}
