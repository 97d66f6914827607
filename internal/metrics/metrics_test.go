package metrics_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/metrics"
)

// all returns metrics of which each has a value.
func all() *metrics.Metrics {
	m := metrics.New()
	m.APICall("GetRoom", nil, time.Millisecond)
	m.Handshake(parley.Errorf(parley.Unauthenticated, "no"))
	m.SessionOpened()
	m.SessionOpened()
	m.SessionEnded("peer")
	m.ConnectionDropped("too_many")
	m.RoomOpened()
	m.Request("SEND_MESSAGE")
	m.Refusal(parley.Throttled)
	m.Throttled("room", "SEND_MESSAGE")
	m.Deliveries("SEND_MESSAGE", 3)
	m.ReviewTook("target", time.Millisecond)
	m.ReviewResult("target", "allow")
	m.ReviewFailed("target", "function")
	m.LogDelivered("c", 1, 2)
	m.LogDropped("c", "age", 1)
	m.LogDestinationError("c", "other")
	m.WatchLogs(func() []metrics.LogQueue {
		return []metrics.LogQueue{{Configuration: "c", Bytes: 1, Lag: time.Second}}
	})
	m.WatchExports(func() []metrics.Export { return []metrics.Export{{Name: "traces", Sent: 1}} })
	m.WatchNode(func() metrics.Node {
		return metrics.Node{MaxSessions: 10, Pending: 1, FanoutLag: time.Second, CanSave: true,
			Quotas: []metrics.QuotaUse{
				{Quota: "rooms", Account: "a", Region: "r", Used: 1, Limit: 2},
				{Quota: "connections", Account: "a", Region: "r", Used: 3},
			}}
	})
	return m
}

// family is what is known of a metric.
type family struct {
	kind, help string
	labels     []string // in order
}

// descPattern reads the text of a prometheus.Desc.
var descPattern = regexp.MustCompile(
	`^Desc\{fqName: "([^"]*)", help: ("(?:[^"\\]|\\.)*"), .*variableLabels: \{(.*)\}\}$`)

// described returns the metrics that are registered, but for their kinds.
func described(t *testing.T, m *metrics.Metrics) map[string]family {
	t.Helper()
	descs := make(chan *prometheus.Desc)
	go func() {
		m.Registry().Describe(descs)
		close(descs)
	}()
	found := map[string]family{}
	for desc := range descs {
		part := descPattern.FindStringSubmatch(desc.String())
		if part == nil {
			t.Errorf("%s is not of the form known here", desc)
			continue
		}
		help, err := strconv.Unquote(part[2])
		if err != nil {
			t.Errorf("%s: %v", desc, err)
		}
		labels := strings.FieldsFunc(part[3], func(c rune) bool { return c == ',' })
		slices.Sort(labels)
		found[part[1]] = family{help: help, labels: labels}
	}
	return found
}

// families returns the metrics that are registered, all of which must have a value.
func families(t *testing.T) map[string]family {
	t.Helper()
	m := all()
	found := described(t, m)
	gathered, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range gathered {
		known := found[f.GetName()]
		known.kind = strings.ToLower(f.GetType().String())
		found[f.GetName()] = known
	}
	for name, f := range found {
		if strings.HasPrefix(name, "parley_") && f.kind == "" {
			t.Errorf("%s has no value: have all give it one", name)
		}
	}
	return found
}

const document = "../../docs/metrics.md"

// rowPattern reads a row of the table of metrics: name, kind, labels and meaning.
var rowPattern = regexp.MustCompile("(?m)^\\| `(parley_[a-z_]+)` \\| ([a-z]+) \\| ([^|]*) \\| ([^|]*) \\|")

// TestEveryMetricIsDocumented compares the table of the documentation with what is
// registered.
func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range rowPattern.FindAllStringSubmatch(string(text), -1) {
		got[row[1]] = row[0]
	}
	for name, f := range families(t) {
		if !strings.HasPrefix(name, "parley_") {
			continue
		}
		labels := ""
		if len(f.labels) > 0 {
			labels = "`" + strings.Join(f.labels, "`, `") + "`"
		}
		want := fmt.Sprintf("| `%s` | %s | %s | %s |", name, f.kind, labels, f.help)
		if got[name] != want {
			t.Errorf("%s lacks the row\n%s\nIt has %q.", document, want, got[name])
		}
		delete(got, name)
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		t.Errorf("%s has the metric %s, which does not exist", document, name)
	}
}

// TestNamesFollowConventions checks what Prometheus's own tools do not.
func TestNamesFollowConventions(t *testing.T) {
	for name, f := range families(t) {
		if strings.HasPrefix(name, "parley_") && f.kind == "counter" != strings.HasSuffix(name, "_total") {
			t.Errorf("%s is a %s: counters, and only they, end in _total", name, f.kind)
		}
	}
}

// expressions returns what the dashboard and the alerts ask Prometheus for, by a name.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	found := dashboard(t)
	text, err := os.ReadFile("../../deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			found["the alert "+rule.Alert] = rule.Expr
		}
	}
	return found
}

// dashboard returns the expressions of the dashboard, without its variables, and those
// from which it makes legends.
func dashboard(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/grafana/parley.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, panel := range board.Panels {
		for i, target := range panel.Targets {
			found[fmt.Sprintf("the panel %s, %d", panel.Title, i)] = target.Expr + " " + target.LegendFormat
		}
	}
	for _, variable := range board.Templating.List {
		found["the variable "+variable.Name] = variable.Definition
	}
	return found
}

var (
	// seriesPattern finds metrics with their selectors.
	seriesPattern = regexp.MustCompile(`\b((?:parley|go|process)_[a-z_]+|up)\b(\{[^}]*\})?`)
	// selectorPattern finds the labels in a selector.
	selectorPattern = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	// groupPattern finds the labels by which results are grouped or joined.
	groupPattern = regexp.MustCompile(`\b(?:by|on)\s*\(([^)]*)\)`)
	// legendPattern finds the labels in legends.
	legendPattern = regexp.MustCompile(`\{\{\s*([a-z_]+)\s*\}\}`)
)

// scraped are the labels that Prometheus adds.
var scraped = []string{"job", "instance"}

// TestDashboardAndAlertsNameMetricsThatExist checks their metrics and labels.
func TestDashboardAndAlertsNameMetricsThatExist(t *testing.T) {
	known := families(t)
	known["up"] = family{}
	for where, text := range expressions(t) {
		labels := slices.Clone(scraped)
		matches := seriesPattern.FindAllStringSubmatch(strings.ReplaceAll(text, "{{", "\x00"), -1)
		if len(matches) == 0 && where != "the variable datasource" {
			t.Errorf("%s asks for no metric: %s", where, text)
		}
		for _, match := range matches {
			f, ok := lookUp(known, match[1])
			if !ok {
				t.Errorf("%s asks for %s, which does not exist", where, match[1])
			}
			for _, label := range selectorPattern.FindAllStringSubmatch(match[2], -1) {
				if !slices.Contains(slices.Concat(f.labels, scraped), label[1]) {
					t.Errorf("%s selects by %s, which %s does not have", where, label[1], match[1])
				}
			}
			labels = append(labels, f.labels...)
		}
		for _, label := range grouped(text) {
			if !slices.Contains(labels, label) {
				t.Errorf("%s groups by %s, which no metric in it has", where, label)
			}
		}
	}
}

// lookUp finds a metric by the name of one of its series.
func lookUp(known map[string]family, series string) (family, bool) {
	if f, ok := known[series]; ok {
		if f.kind == "summary" {
			f.labels = append(slices.Clone(f.labels), "quantile")
		}
		return f, true
	}
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		name, cut := strings.CutSuffix(series, suffix)
		if f, ok := known[name]; cut && ok && f.kind == "histogram" {
			if suffix == "_bucket" {
				f.labels = append(slices.Clone(f.labels), "le")
			}
			return f, true
		}
	}
	return family{}, false
}

// grouped returns the labels by which an expression groups, and that its legend shows.
func grouped(text string) (labels []string) {
	for _, match := range groupPattern.FindAllStringSubmatch(text, -1) {
		for label := range strings.SplitSeq(match[1], ",") {
			labels = append(labels, strings.TrimSpace(label))
		}
	}
	for _, match := range legendPattern.FindAllStringSubmatch(text, -1) {
		labels = append(labels, match[1])
	}
	return labels
}

// TestLimitsThatAreNone checks that nothing comes near a limit that is none.
func TestLimitsThatAreNone(t *testing.T) {
	m := metrics.New()
	m.WatchNode(func() metrics.Node {
		return metrics.Node{Quotas: []metrics.QuotaUse{{Quota: "rooms", Used: 5}}}
	})
	page := pageOf(t, m)
	for _, want := range []string{"parley_connections_limit +Inf\n",
		`parley_quota_limit{quota="rooms"} +Inf` + "\n", "parley_store_can_save 0\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the metrics lack %q:\n%s", want, page)
		}
	}
}

func pageOf(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	page, err := io.ReadAll(w.Body)
	if err = errors.Join(err, statusError(w.Code)); err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func statusError(status int) error {
	if status != http.StatusOK {
		return fmt.Errorf("/metrics answered %d", status)
	}
	return nil
}

// TestPeak has sessions come and go, and looks at the most of a minute.
func TestPeak(t *testing.T) {
	begin := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	l := metrics.NewLevel()
	type seen struct{ open, peak int }
	for _, step := range []struct {
		after time.Duration
		add   int
		want  seen
	}{
		{0, 0, seen{0, 0}},
		{time.Second, 5, seen{5, 5}},
		{30 * time.Second, -3, seen{2, 5}},
		{59 * time.Second, 0, seen{2, 5}},
		{60 * time.Second, 0, seen{2, 5}}, // the minute before
		{61 * time.Second, 1, seen{3, 5}},
		{50 * time.Second, 0, seen{3, 5}}, // the clock is set back
		{119 * time.Second, 0, seen{3, 5}},
		{120 * time.Second, 0, seen{3, 3}},
		{121 * time.Second, -1, seen{2, 3}},
		{10 * time.Minute, 0, seen{2, 2}}, // nobody looked for long
	} {
		metrics.Add(l, begin.Add(step.after), step.add)
		var got seen
		got.open, got.peak = metrics.Look(l, begin.Add(step.after))
		if diff := cmp.Diff(step.want, got, cmp.AllowUnexported(seen{})); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.after, diff)
		}
	}
}
