package awsconfig_test

import (
	"path/filepath"
	"testing"

	"github.com/parley-chat/parley/internal/awsconfig"
)

func TestLoad(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ENDPOINT_URL", "http://this.server")
	t.Setenv("AWS_ACCESS_KEY_ID", "ENV")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	for want, choices := range map[string]awsconfig.Choices{
		"ENV":  {Region: "eu-west-1"},
		"MINE": {Region: "eu-west-1", AccessKeyID: "MINE", Secret: "s"},
	} {
		cfg, err := awsconfig.Load(t.Context(), choices)
		if err != nil {
			t.Fatal(err)
		}
		key, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil || key.AccessKeyID != want || cfg.Region != "eu-west-1" {
			t.Errorf("%+v: key %s in %s, %v; want %s", choices, key.AccessKeyID, cfg.Region, err, want)
		}
		if cfg.BaseEndpoint != nil || cfg.Retryer().MaxAttempts() != 1 {
			t.Errorf("%+v: endpoint %v, %d attempts; want the service's own, and 1",
				choices, cfg.BaseEndpoint, cfg.Retryer().MaxAttempts())
		}
	}
	if _, err := awsconfig.Load(t.Context(), awsconfig.Choices{Profile: "nobody"}); err == nil {
		t.Error("a profile that does not exist was loaded")
	}
}
