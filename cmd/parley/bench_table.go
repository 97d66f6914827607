package main

import (
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/parley-chat/parley/internal/load"
)

// row is a line of the table that a run ends with.
type row struct{ name, value string }

func printRows(rows []row) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s\n", r.name, r.value)
	}
	return table.Flush()
}

func fanoutTable(r *load.FanoutResult) []row {
	how := fmt.Sprintf("%d outstanding", r.Outstanding)
	if r.Rate > 0 {
		how = fmt.Sprintf("%s messages/s wanted", number(r.Rate))
	}
	rows := []row{
		{"rooms", fmt.Sprintf("%d with %d receivers, %d of them sending, %s",
			r.Rooms, r.Receivers, r.Senders, how)},
		{"connected", fmt.Sprintf("%d sessions in %.2f s, with minting", r.Sessions, r.ConnectSeconds)},
		{"measured", fmt.Sprintf("%.1f s", r.Seconds)},
		{"messages", fmt.Sprintf("%d, %s/s, %d bytes in a frame",
			r.Messages, number(r.MessagesPerSecond), r.FrameBytes)},
		{"deliveries", fmt.Sprintf("%d, %s/s", r.Deliveries, number(r.DeliveriesPerSecond))},
		{"latency", latency(r.Latency)},
		{"to the last receiver", latency(r.LastReceiver)},
		{"lost", fmt.Sprintf("%d of %d, %d duplicates, %d out of order",
			r.Lost, r.Expected, r.Duplicates, r.Disordered)},
	}
	return append(rows, usage(r.Server, "deliveries", r.DeliveriesPerCPU, r.LoadCores)...)
}

func connectTable(r *load.ConnectResult) []row {
	rows := []row{
		{"connected", fmt.Sprintf("%d handshakes, %d at once, after %.2f s of minting",
			r.Handshakes, r.Concurrency, r.MintSeconds)},
		{"measured", fmt.Sprintf("%.2f s", r.Seconds)},
		{"handshakes", number(r.HandshakesPerSecond) + "/s"},
		{"latency", latency(r.Latency)},
		{"sessions", fmt.Sprintf("%d open at the end", r.Sessions)},
	}
	if r.Server != nil {
		rows = append(rows, row{"memory", fmt.Sprintf("%s bytes per session after %.1f s",
			number(r.ResidentBytesEach), r.HeldSeconds)})
	}
	return append(rows, usage(r.Server, "handshakes", r.HandshakesPerCPU, r.LoadCores)...)
}

func mintTable(r *load.MintResult) []row {
	how := ""
	if r.Rate > 0 {
		how = fmt.Sprintf(", %s/s wanted", number(r.Rate))
	}
	rows := []row{
		{"connections", strconv.Itoa(r.Connections) + how},
		{"measured", fmt.Sprintf("%.1f s", r.Seconds)},
		{"calls", fmt.Sprintf("%d, %s/s", r.Calls, number(r.CallsPerSecond))},
		{"latency", latency(r.Latency)},
	}
	return append(rows, usage(r.Server, "calls", r.CallsPerCPU, r.LoadCores)...)
}

// busyLoad is the share of a CPU from which on this program may have been the limit.
const busyLoad = 0.95

// usage returns what the server and this program used.
func usage(s *load.ServerUse, unit string, perCPU, own float64) []row {
	var rows []row
	if s != nil {
		rows = []row{
			{"server's CPU", fmt.Sprintf("%.2f cores, %s %s per CPU-second", s.Cores, number(perCPU), unit)},
			{"server's memory", fmt.Sprintf("%s bytes before, %s after",
				number(float64(s.ResidentBytesBefore)), number(float64(s.ResidentBytesAfter)))},
		}
	}
	mine := fmt.Sprintf("%.2f cores", own)
	if own >= busyLoad {
		mine += "; it may have been the limit"
	}
	return append(rows, row{"load's CPU", mine})
}

func latency(l load.Latency) string {
	return fmt.Sprintf("p50 %s, p90 %s, p99 %s, p99.9 %s, max %s ms",
		millis(l.P50), millis(l.P90), millis(l.P99), millis(l.P999), millis(l.Max))
}

func millis(ms float64) string { return strconv.FormatFloat(ms, 'f', 2, 64) }

// number writes a number as people read it: with commas, and a fraction only when it
// is small.
func number(n float64) string {
	if n < 100 {
		return strconv.FormatFloat(n, 'g', 3, 64)
	}
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
