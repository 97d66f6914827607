package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/app/config"
)

// load reads a configuration file in a folder with the given other files.
func load(t *testing.T, text string, files map[string]string) (config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "parley.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(path)
}

func TestTracingAndExports(t *testing.T) {
	t.Setenv("CLOUD_SECRET", "secret")
	cfg, err := load(t, `
tracing: {endpoint: "http://127.0.0.1:4318", sample: 0.5, headers_file: headers}
exports:
  source: my.chat
  eventbridge: {region: eu-west-1, bus: chat, profile: other}
  webhook: {url: "http://127.0.0.1:9/events", secret_file: secret}
  cloudwatch: {region: eu-west-1, access_key_id: AKID, secret_env: CLOUD_SECRET}
`, map[string]string{"headers": "Authorization: Bearer a:b\n\nX-Scope: one\n", "secret": "s\n"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Tracing.Sample != 0.5 || cfg.Exports.EventBridge.Region != "eu-west-1" ||
		cfg.Exports.CloudWatch.AccessKeyID != "AKID" || cfg.Exports.Webhook.SecretFile != "secret" {
		t.Errorf("read %+v and %+v", cfg.Tracing, cfg.Exports)
	}
}

func TestMistakesInTracingAndExports(t *testing.T) {
	_, err := load(t, `
tracing: {sample: 1.5, headers_file: headers, ca_file: missing}
exports:
  source: aws.ivschat
  eventbridge: {bus: "a bus", access_key_id: AKID}
  webhook: {url: "http://example.com", next_secret_env: NOT_SET_HERE, ca_file: headers}
  cloudwatch: {namespace: AWS/IVSChat, region: somewhere, endpoint: "localhost:1"}
`, map[string]string{"headers": "secret-without-a-name\n"})
	if err == nil {
		t.Fatal("the file is accepted")
	}
	for _, want := range []string{
		"tracing: endpoint must be", "tracing: sample must be", "tracing: headers_file: line 1",
		"tracing: ca_file:", "exports: source must be",
		"exports: eventbridge: bus must be", "exports: eventbridge: region is missing",
		"exports: eventbridge: access_key_id needs",
		"exports: webhook: url: http", "exports: webhook: secret_file, secret_env: want one",
		"exports: webhook: next_secret_file, next_secret_env: the secret in NOT_SET_HERE is empty",
		"exports: webhook: ca_file: there is no certificate",
		"exports: cloudwatch: namespace must be", "exports: cloudwatch: region:",
		"exports: cloudwatch: endpoint must be",
	} {
		if n := strings.Count(err.Error(), want); n != 1 {
			t.Errorf("the error says %q %d times, want once:\n%v", want, n, err)
		}
	}
	if strings.Contains(err.Error(), "secret-without-a-name") {
		t.Errorf("the error has what may be a secret:\n%v", err)
	}
}

func TestUnknownKeysInTracingAndExports(t *testing.T) {
	_, err := load(t, `
tracing: {endpoint: "http://127.0.0.1:4318", samples: 1}
exports: {cloudwatch: {region: eu-west-1, name_space: x}}
`, nil)
	if err == nil || !strings.Contains(err.Error(), "samples") ||
		!strings.Contains(err.Error(), "name_space") {
		t.Errorf("the error does not name both keys: %v", err)
	}
}
