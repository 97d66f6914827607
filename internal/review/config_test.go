package review_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/review"
)

// check returns what is wrong with a configuration, without the place where it is if
// that is the first target.
func check(cfg review.Config, dir string) []string {
	err := cfg.Check(func(path string) string { return filepath.Join(dir, path) })
	if err == nil {
		return nil
	}
	text := strings.ReplaceAll(err.Error(), "review.targets[0]", "first")
	return strings.Split(strings.ReplaceAll(text, dir, "DIR"), "\n")
}

func TestMistakes(t *testing.T) {
	foreignAWS(t)
	t.Setenv("SECRET", "secret")
	t.Setenv("EMPTY", "")
	secret := review.SecretConfig{SecretEnv: "SECRET"}
	hook := review.WebhookConfig{URL: "https://x.test", SecretConfig: secret}
	hookWith := func(change func(*review.WebhookConfig)) review.TargetConfig {
		changed := hook
		change(&changed)
		return review.TargetConfig{ARN: "*", Webhook: &changed}
	}
	lambda := func(c review.LambdaConfig) review.TargetConfig { return review.TargetConfig{ARN: "*", Lambda: &c} }
	rules := func(c review.RulesConfig) review.TargetConfig { return review.TargetConfig{ARN: "*", Rules: &c} }
	for _, tt := range []struct {
		name   string
		target review.TargetConfig
		want   []string // none: it is right
	}{
		{"right", review.TargetConfig{ARN: "arn:aws:lambda:*", Webhook: &hook, Concurrency: 1000}, nil},
		{"nothing", review.TargetConfig{}, []string{
			"first: arn is missing: want the ARN of a function, or a pattern such as arn:aws:lambda:us-east-1:*:function:moderate*",
			"first: want one of lambda, emulator, webhook and rules, not 0 of them"}},
		{"two kinds", review.TargetConfig{ARN: "*", Webhook: &hook, Lambda: &review.LambdaConfig{}}, []string{
			"first: want one of lambda, emulator, webhook and rules, not 2 of them"}},
		{"no ARN", review.TargetConfig{ARN: "moderate", Webhook: &hook}, []string{
			`first: arn must begin with arn:aws:lambda:, or be *, not "moderate"`}},
		{"long ARN", review.TargetConfig{ARN: "arn:aws:lambda:" + strings.Repeat("x", 242), Webhook: &hook}, []string{
			"first: arn must have at most 256 characters"}},
		{"no concurrency", review.TargetConfig{ARN: "*", Webhook: &hook, Concurrency: -1}, []string{
			"first: concurrency must be 1 to 1000, not -1"}},
		{"too much concurrency", review.TargetConfig{ARN: "*", Webhook: &hook, Concurrency: 1001}, []string{
			"first: concurrency must be 1 to 1000, not 1001"}},
		{"webhook without anything", review.TargetConfig{ARN: "*", Webhook: &review.WebhookConfig{}}, []string{
			`first.webhook: url must be an https URL, not ""`,
			"first.webhook: want either secret_file or secret_env"}},
		{"plain webhook here", hookWith(func(c *review.WebhookConfig) { c.URL = "http://[::1]:80/x" }), nil},
		{"plain webhook elsewhere", hookWith(func(c *review.WebhookConfig) { c.URL = "http://x.test" }), []string{
			"first.webhook: url: http can be read and changed on its way to another machine; use https, or set plain_http"}},
		{"plain webhook elsewhere, allowed", hookWith(func(c *review.WebhookConfig) {
			c.URL, c.PlainHTTP = "http://x.test", true
		}), nil},
		{"two sources of a secret", hookWith(func(c *review.WebhookConfig) { c.SecretFile = "secret" }), []string{
			"first.webhook: want either secret_file or secret_env"}},
		{"two sources of a second secret", hookWith(func(c *review.WebhookConfig) {
			c.NextSecretFile, c.NextSecretEnv = "secret", "SECRET"
		}), []string{"first.webhook: want either next_secret_file or next_secret_env"}},
		{"missing secret", hookWith(func(c *review.WebhookConfig) {
			c.SecretConfig = review.SecretConfig{SecretFile: "missing"}
		}), []string{"first.webhook: secret_file: open DIR/missing: no such file or directory"}},
		{"empty secret", hookWith(func(c *review.WebhookConfig) { c.NextSecretEnv = "EMPTY" }), []string{
			"first.webhook: the secret in EMPTY is empty"}},
		{"missing certificates", hookWith(func(c *review.WebhookConfig) {
			c.TLSConfig = review.TLSConfig{CAFile: "missing", CertFile: "missing"}
		}), []string{"first.webhook: ca_file: open DIR/missing: no such file or directory",
			"first.webhook: want both a cert_file and a key_file"}},
		{"emulator without URL", review.TargetConfig{ARN: "*", Emulator: &review.EmulatorConfig{URL: "127.0.0.1:9000"}},
			[]string{`first.emulator: url must be an http URL, not "127.0.0.1:9000"`}},
		{"lambda as AWS tools have it", lambda(review.LambdaConfig{}), nil},
		{"two credentials", lambda(review.LambdaConfig{Profile: "p", AccessKeyID: "k"}), []string{
			"first.lambda: profile and access_key_id exclude each other"}},
		{"secret of nothing", lambda(review.LambdaConfig{SecretConfig: secret}), []string{
			"first.lambda: a secret without an access_key_id"}},
		{"key without secret", lambda(review.LambdaConfig{AccessKeyID: "k"}), []string{
			"first.lambda: want either secret_file or secret_env"}},
		{"missing profile", lambda(review.LambdaConfig{Profile: "nobody"}), []string{
			"first.lambda: failed to get shared config profile, nobody"}},
		{"endpoint that is no URL", lambda(review.LambdaConfig{Endpoint: "lambda.test"}), []string{
			`first.lambda: endpoint must be an http or https URL, not "lambda.test"`}},
		{"no rules", rules(review.RulesConfig{Replace: "x"}), []string{
			"first.rules: want at least one of words, words_file, no_links, max_repeats, max_run and max_capitals"}},
		{"rules with concurrency", review.TargetConfig{ARN: "*", Concurrency: 1, Rules: &review.RulesConfig{NoLinks: true}},
			[]string{"first: rules have no concurrency"}},
		{"rules out of range", rules(review.RulesConfig{MaxRun: -1, MaxCapitals: 1.1, Replace: strings.Repeat("⚽", 51)}),
			[]string{"first.rules: max_repeats and max_run must not be negative",
				"first.rules: max_capitals must be 0 to 1, not 1.1",
				"first.rules: replace must have at most 50 characters, not 51"}},
		{"words that are none", rules(review.RulesConfig{Words: []string{"a", "?!"}, WordsFile: "missing"}), []string{
			"first.rules: words_file: open DIR/missing: no such file or directory",
			`first.rules: words: "?!" has neither letters nor digits`}},
	} {
		if diff := cmp.Diff(tt.want, check(configOf(tt.target), t.TempDir())); diff != "" {
			t.Errorf("%s: mistakes (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestTimeoutRange(t *testing.T) {
	for timeout, ok := range map[time.Duration]bool{0: true, 10 * time.Millisecond: true, 10 * time.Second: true,
		10*time.Millisecond - 1: false, 10*time.Second + 1: false, -time.Second: false} {
		if got := check(review.Config{Timeout: timeout}, "/nowhere"); (got == nil) != ok {
			t.Errorf("timeout %s: %q, want it accepted: %v", timeout, got, ok)
		}
	}
}

func TestTheSamePatternTwice(t *testing.T) {
	target := review.TargetConfig{ARN: "*", Rules: &review.RulesConfig{NoLinks: true}}
	want := []string{"review.targets[1]: arn * is that of targets[0] already"}
	if diff := cmp.Diff(want, check(configOf(target, target), "/nowhere")); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}

func TestWordsFile(t *testing.T) {
	file := writeFile(t, "words.txt", "# those that we do not like\ndarn\n\n  Free Money # in any case\n")
	r := start(t, configOf(review.TargetConfig{ARN: "*", Rules: &review.RulesConfig{
		Words: []string{"heck"}, WordsFile: file}}))
	for content, want := range map[string]review.Result{"darn": review.Denied, "free money": review.Denied,
		"heck": review.Denied, "not": review.Allowed, "case": review.Allowed} {
		m := allowing
		if m.Content = content; r.Try(m).Result != want {
			t.Errorf("%q was not %s", content, want)
		}
	}
}

// TestWordLimits is about lists at and over their limits.
func TestWordLimits(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		list []string
		file string
		want []string
	}{
		"as many as can be": {make([]string, 100_000), "", nil},
		"one more": {make([]string, 100_001), "",
			[]string{"first.rules: want at most 100000 words, not 100001"}},
		"the largest file": {nil, strings.Repeat("#", 4<<20), nil},
		"a larger file": {nil, strings.Repeat("#", 4<<20+1),
			[]string{"first.rules: words_file has more than 4194304 bytes"}},
	} {
		for i := range tt.list {
			tt.list[i] = "word"
		}
		rules := &review.RulesConfig{Words: tt.list, NoLinks: true}
		if tt.file != "" {
			rules.WordsFile, _ = filepath.Rel(dir, writeFile(t, "words", tt.file))
		}
		if diff := cmp.Diff(tt.want, check(configOf(review.TargetConfig{ARN: "*", Rules: rules}), dir)); diff != "" {
			t.Errorf("%s: mistakes (-want +got):\n%s", name, diff)
		}
	}
}
