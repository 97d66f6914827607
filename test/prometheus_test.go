package test

// What is in deploy, with Prometheus's own tool.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/parleytest"
)

const (
	rulesFile     = "../deploy/prometheus/alerts.yml"
	ruleTestsFile = "../deploy/prometheus/alerts_test.yml"
	scrapeFile    = "../deploy/prometheus/prometheus.yml"
	dashboardFile = "../deploy/grafana/parley.json"
)

// promtool runs Prometheus's tool. Where it is missing, the test fails in CI and is
// skipped elsewhere.
func promtool(t *testing.T, stdin []byte, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		const how = "it is in Debian's package prometheus"
		if os.Getenv("CI") != "" {
			t.Fatalf("promtool is missing, and CI needs it: %s", how)
		}
		t.Skipf("promtool is missing, so this is not tested here: %s", how)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

func TestAlerts(t *testing.T) {
	promtool(t, nil, "check", "rules", rulesFile)
	promtool(t, nil, "check", "config", scrapeFile)
	promtool(t, nil, "test", "rules", ruleTestsFile)
}

// TestEveryAlertIsTested checks that each alert has a test in which it fires and one in
// which it does not.
func TestEveryAlertIsTested(t *testing.T) {
	rules, tests := readFile(t, rulesFile), readFile(t, ruleTestsFile)
	alerts := regexp.MustCompile(`(?m)- alert: (\w+)$`).FindAllStringSubmatch(rules, -1)
	if len(alerts) == 0 {
		t.Fatal("there are no alerts")
	}
	for _, alert := range alerts {
		for _, want := range []string{
			fmt.Sprintf(`expr: ALERTS{alertname=%q, alertstate="firing"}`, alert[1]),
			fmt.Sprintf("expr: ALERTS{alertname=%q}\n", alert[1]),
		} {
			if !strings.Contains(tests, want) {
				t.Errorf("%s has no test with %s", ruleTestsFile, want)
			}
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// panel is a part of the dashboard.
type panel struct {
	ID         int
	Type       string
	Title      string
	Datasource struct{ UID string }
	GridPos    struct{ X, Y, W, H int }
	Targets    []struct{ Expr string }
}

// TestDashboard checks the dashboard's form, and that Prometheus understands what it
// asks for.
func TestDashboard(t *testing.T) {
	var board struct {
		UID    string
		Panels []panel
	}
	if err := json.Unmarshal([]byte(readFile(t, dashboardFile)), &board); err != nil {
		t.Fatal(err)
	}
	var rows []string
	var rules strings.Builder
	rules.WriteString("groups: [{name: dashboard, rules: [\n")
	ids, next := map[int]bool{}, 0
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.Y < next {
			t.Errorf("the panel %s is out of its place: %+v", p.Title, p.GridPos)
		}
		if p.Type == "row" {
			rows, next = append(rows, p.Title), p.GridPos.Y
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("the panel %s does not ask the chosen data source for anything", p.Title)
		}
		for _, target := range p.Targets {
			fmt.Fprintf(&rules, "{record: panel, expr: %q, labels: {n: \"%d\"}},\n",
				withoutVariables.Replace(target.Expr), rules.Len())
		}
	}
	rules.WriteString("]}]\n")
	if got, want := strings.Join(rows, ", "),
		"Overview, Messaging, Review, Chat logs, API, Engine and runtime, Cluster"; got != want {
		t.Errorf("the rows are %s, want %s", got, want)
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, nil, "check", "rules", file)
}

// withoutVariables puts in what Grafana would for its variables.
var withoutVariables = strings.NewReplacer("$__rate_interval", "5m", "$job", "parley", "$instance", ".*")

// TestMetricsAreWellFormed has Prometheus's tool look at the metrics of a server on
// which all kinds of things have happened.
func TestMetricsAreWellFormed(t *testing.T) {
	srv := parleytest.StartOne(t, func(cfg *app.Config) {
		cfg.Limits = map[string]int{"room_messages": 1}
	})
	room := srv.CreateRoom(t, reviewed("ALLOW"))
	ana := srv.Join(t, room, "ana", "SEND_MESSAGE")
	ana.Say(t, "hello")
	ana.Next(t)
	for frame := (parleytest.Frame{}); frame.ErrorCode != 429; frame = ana.Next(t) {
		ana.Say(t, "again")
	}
	srv.Call(t, "GetRoom", nil)
	_, _ = srv.Dial(t, "no-token")
	all := families(t, srv.Admin)
	for _, name := range []string{"parley_review_results_total", "parley_throttled_total",
		"parley_refusals_total", "parley_handshakes_total", "go_goroutines", "process_open_fds"} {
		if all[name] == nil {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	promtool(t, page(t, srv.Admin+"/metrics"), "check", "metrics")
}

func page(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}
