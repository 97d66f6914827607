package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/parley-chat/parley/internal/app"
)

// clusterCmd holds the commands about the nodes of a cluster.
type clusterCmd struct {
	Status clusterStatusCmd `cmd:"" help:"Show the nodes, and how what they keep is kept."`
	Remove clusterRemoveCmd `cmd:"" help:"Have a cluster forget a node that is gone for good."`
}

type clusterStatusCmd struct {
	adminFlags `embed:""`
	outputFlag `embed:""`
}

// Run prints a table of nodes and one of buckets.
func (c *clusterStatusCmd) Run() error {
	var report app.ClusterReport
	if err := c.look("/cluster", &report); err != nil {
		return err
	}
	return c.print(report, func() error { return printCluster(os.Stdout, report, time.Now()) })
}

type clusterRemoveCmd struct {
	Node string `arg:"" help:"Name of the node, as parley cluster status shows it."`
	Yes  bool   `help:"Do not ask for confirmation."`

	adminFlags `embed:""`
	outputFlag `embed:""`
}

// Run removes the node, once somebody has confirmed it, and prints what is left.
func (c *clusterRemoveCmd) Run() error {
	if !c.Yes {
		fmt.Fprintf(os.Stderr, "Node %s will be forgotten, and what it kept is kept by others. "+
			"It must not start again with its data.\nType its name to go on: ", c.Node)
		typed, _ := bufio.NewReader(os.Stdin).ReadString('\n') // without one, it is not the name
		if strings.TrimSpace(typed) != c.Node {
			return errors.New("not confirmed: nothing was done")
		}
	}
	var report app.ClusterReport
	if err := c.change("/cluster/remove?node="+url.QueryEscape(c.Node), &report); err != nil {
		return err
	}
	return c.print(report, func() error { return printCluster(os.Stdout, report, time.Now()) })
}

// printCluster writes what people want to know: who is there, who keeps what, and what
// is wrong.
func printCluster(w io.Writer, report app.ClusterReport, now time.Time) error {
	fmt.Fprintln(w, clusterTitle(report))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nNODE\tADDRESS\tVERSION\tUP\tHEARD\tSESSIONS\tREADY")
	for _, n := range report.Nodes {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", nodeText(report, n.Name), cmp.Or(n.Address, "-"),
			cmp.Or(n.Version, "-"), sinceText(n.Since, now), sinceText(n.LastHeard, now), n.Sessions,
			yesNo(n.Ready))
	}
	fmt.Fprintln(table, "\nBUCKET\tLEADER\tCOPIES\tENTRIES\tBYTES\tBEHIND")
	for _, b := range groupBuckets(report.Buckets) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", b.name, b.leader, b.copies, b.entries,
			bytesText(int64(b.bytes)), b.behind)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(report.Trouble) > 0 {
		fmt.Fprintln(w, "\nTROUBLE\n  "+strings.Join(report.Trouble, "\n  "))
	}
	return nil
}

// clusterTitle says in a line what there is.
func clusterTitle(report app.ClusterReport) string {
	switch report.Mode {
	case "cluster":
		return fmt.Sprintf("Cluster %s, led by %s", report.Cluster, cmp.Or(report.Leader, "nobody"))
	case "external":
		return strings.TrimSpace("External NATS " + report.Cluster)
	}
	return "A single node"
}

// nodeText marks the node that reports.
func nodeText(report app.ClusterReport, name string) string {
	if name == report.Node && len(report.Nodes) > 1 {
		return name + " *"
	}
	return cmp.Or(name, "this one")
}

func sinceText(at *time.Time, now time.Time) string {
	if at == nil {
		return "never"
	}
	return ageText(now.Sub(*at))
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "NO"
}

// bucketLine is a line about a bucket, or about several of a numbered family.
type bucketLine struct {
	name, leader, copies, behind string

	entries, bytes uint64
}

// groupBuckets makes one line of the buckets whose names differ in their number: there
// are 32 for used tokens.
func groupBuckets(buckets []app.BucketReport) []bucketLine {
	var names []string
	families := map[string][]app.BucketReport{}
	for _, b := range buckets {
		name := strings.TrimRight(b.Name, "0123456789")
		if families[name] == nil {
			names = append(names, name)
		}
		families[name] = append(families[name], b)
	}
	var lines []bucketLine
	for _, name := range names {
		family := families[name]
		line := bucketLine{name: family[0].Name}
		if len(family) > 1 {
			line.name = fmt.Sprintf("%s* (%d)", name, len(family))
		}
		leaders, copies := map[string]int{}, map[string]int{}
		behind := uint64(0)
		for _, b := range family {
			line.entries, line.bytes = line.entries+b.Entries, line.bytes+b.Bytes
			leaders[cmp.Or(b.Leader, "-")]++
			for _, r := range b.Replicas {
				copies[r.Node]++
				behind += r.Lag
			}
		}
		line.leader, line.copies = tally(leaders, len(family)), tally(copies, len(family))
		line.behind = fmt.Sprint(behind)
		lines = append(lines, line)
	}
	return lines
}

// tally lists names, with how often each was counted where that says something.
func tally(counts map[string]int, of int) string {
	var words []string
	for name, n := range counts {
		if of > 1 && len(counts) > 1 {
			name = fmt.Sprintf("%s: %d", name, n)
		}
		words = append(words, name)
	}
	slices.Sort(words)
	return cmp.Or(strings.Join(words, ", "), "-")
}
