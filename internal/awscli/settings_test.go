package awscli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/awscli"
)

// settled is what a Resolve came to.
type settled struct{ url, region, key string }

const localURL = "http://127.0.0.1:8080"

// alone gives the test an environment without any AWS setting, with a home folder of
// its own, which it returns.
func alone(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			_ = os.Unsetenv(name) // Setenv has seen to it that it comes back
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(home, "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	return home
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const configFile = `
[default]
aws_access_key_id = DEFAULT
aws_secret_access_key = s
region = eu-west-1
output = text

[profile plain]
aws_access_key_id = PLAIN
aws_secret_access_key = s
region=us-west-2

[profile own]
aws_access_key_id = OWN
aws_secret_access_key = s
region = us-west-2
endpoint_url = http://profile.example
output=yaml # not a comment to the SDK
s3 =
    output = json

[profile service]
aws_access_key_id = SERVICE
aws_secret_access_key = s
region = us-west-2
services = mine

[services mine]
ivschat =
  endpoint_url = http://service.example
`

// configure gives the test the file above.
func configure(t *testing.T, home string) {
	t.Helper()
	path := filepath.Join(home, "config")
	write(t, path, configFile)
	t.Setenv("AWS_CONFIG_FILE", path)
}

func TestResolve(t *testing.T) {
	for _, tt := range []struct {
		name    string
		env     []string
		choices awscli.Choices
		local   bool // whether a server runs on this machine
		files   bool // whether there is a configuration file
		want    settled
	}{
		{"local", nil, awscli.Choices{}, true, false, settled{localURL, "us-east-1", "LOCAL"}},
		{"local before the default profile", nil, awscli.Choices{}, true, true,
			settled{localURL, "us-east-1", "LOCAL"}},
		{"local in another region", nil, awscli.Choices{Region: "eu-west-1"}, true, false,
			settled{localURL, "eu-west-1", "LOCAL"}},
		{"local, region of the environment", []string{"AWS_REGION=eu-central-1"}, awscli.Choices{},
			true, false, settled{localURL, "eu-central-1", "LOCAL"}},
		{"local, by its own file", []string{"AWS_SHARED_CREDENTIALS_FILE=LOCAL_FILE"}, awscli.Choices{},
			true, false, settled{localURL, "us-east-1", "LOCAL"}},
		{"local, unsigned", nil, awscli.Choices{Unsigned: true}, true, false,
			settled{localURL, "us-east-1", ""}},
		{"profile", nil, awscli.Choices{Profile: "plain"}, true, true,
			settled{"https://ivschat.us-west-2.amazonaws.com", "us-west-2", "PLAIN"}},
		{"profile of the environment", []string{"AWS_PROFILE=plain"}, awscli.Choices{}, true, true,
			settled{"https://ivschat.us-west-2.amazonaws.com", "us-west-2", "PLAIN"}},
		{"key of the environment", []string{"AWS_ACCESS_KEY_ID=ENV", "AWS_SECRET_ACCESS_KEY=s",
			"AWS_DEFAULT_REGION=ap-south-1"}, awscli.Choices{}, true, true,
			settled{"https://ivschat.ap-south-1.amazonaws.com", "ap-south-1", "ENV"}},
		{"no server: the default profile", nil, awscli.Choices{}, false, true,
			settled{"https://ivschat.eu-west-1.amazonaws.com", "eu-west-1", "DEFAULT"}},
		{"endpoint and a key", nil, awscli.Choices{EndpointURL: "http://h/base"}, true, true,
			settled{"http://h/base", "eu-west-1", "DEFAULT"}},
		{"endpoint and no key", nil, awscli.Choices{EndpointURL: "http://h", Region: "us-west-2"},
			true, false, settled{"http://h", "us-west-2", "LOCAL"}},
		{"endpoint of the environment", []string{"AWS_ENDPOINT_URL=http://all"}, awscli.Choices{},
			true, true, settled{"http://all", "eu-west-1", "DEFAULT"}},
		{"the service's before that of all", []string{"AWS_ENDPOINT_URL=http://all",
			"AWS_ENDPOINT_URL_IVSCHAT=http://one"}, awscli.Choices{}, true, true,
			settled{"http://one", "eu-west-1", "DEFAULT"}},
		{"the line before the environment", []string{"AWS_ENDPOINT_URL_IVSCHAT=http://one"},
			awscli.Choices{EndpointURL: "http://line"}, true, true,
			settled{"http://line", "eu-west-1", "DEFAULT"}},
		{"endpoint of the profile", nil, awscli.Choices{Profile: "own"}, true, true,
			settled{"http://profile.example", "us-west-2", "OWN"}},
		{"endpoint of the profile's services", nil, awscli.Choices{Profile: "service"}, true, true,
			settled{"http://service.example", "us-west-2", "SERVICE"}},
		{"configured endpoints ignored", []string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"},
			awscli.Choices{Profile: "service"}, true, true,
			settled{"https://ivschat.us-west-2.amazonaws.com", "us-west-2", "SERVICE"}},
		{"FIPS", []string{"AWS_USE_FIPS_ENDPOINT=true"}, awscli.Choices{}, false, true,
			settled{"https://ivschat-fips.eu-west-1.amazonaws.com", "eu-west-1", "DEFAULT"}},
		{"dual stack", []string{"AWS_USE_DUALSTACK_ENDPOINT=true"}, awscli.Choices{}, false, true,
			settled{"https://ivschat.eu-west-1.api.aws", "eu-west-1", "DEFAULT"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home := alone(t)
			local := filepath.Join(home, "local-credentials")
			write(t, local, "[default]\naws_access_key_id = LOCAL\naws_secret_access_key = s\n")
			if tt.files {
				configure(t, home)
			}
			for _, pair := range tt.env {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, strings.ReplaceAll(value, "LOCAL_FILE", local))
			}
			s, err := awscli.Resolve(t.Context(), tt.choices, func() (awscli.Local, bool) {
				return awscli.Local{URL: localURL, Region: "us-east-1", Credentials: local}, tt.local
			})
			if err != nil {
				t.Fatalf("error %v", err)
			}
			got := settled{url: s.API.URL, region: s.API.Region}
			if s.API.Credentials != nil {
				key, err := s.API.Credentials.Retrieve(t.Context())
				if err != nil {
					t.Fatalf("key: %v", err)
				}
				got.key = key.AccessKeyID
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			byItself := tt.want.key == "LOCAL" || tt.want.url == localURL
			if byItself != (s.Notice != "") {
				t.Errorf("notice %q, want one: %t", s.Notice, byItself)
			}
		})
	}
}

func TestResolveFails(t *testing.T) {
	for _, tt := range []struct {
		name    string
		env     string
		choices awscli.Choices
		want    string
	}{
		{"no region", "", awscli.Choices{}, "You must specify a region."},
		{"no key", "", awscli.Choices{Region: "us-east-1"}, "Unable to locate credentials."},
		{"no such profile", "", awscli.Choices{Profile: "nobody"},
			"The config profile (nobody) could not be found"},
		{"endpoint without a scheme", "AWS_ENDPOINT_URL=here", awscli.Choices{Region: "us-east-1"},
			`Bad value for --endpoint-url "here"`},
		{"no such bundle", "", awscli.Choices{Region: "us-east-1", CABundle: "/nowhere"},
			"invalid path: /nowhere"},
		{"no bundle", "", awscli.Choices{Region: "us-east-1", CABundle: os.Args[0]},
			"holds no certificates"},
		{"half a key", "AWS_ACCESS_KEY_ID=K", awscli.Choices{Region: "us-east-1"},
			"Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY"},
		{"no region's name", "", awscli.Choices{Region: "not a region"},
			"Provided region_name 'not a region' doesn't match a supported format."},
		{"digits", "", awscli.Choices{Region: "123"}, "doesn't match a supported format."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			alone(t)
			if name, value, ok := strings.Cut(tt.env, "="); ok {
				t.Setenv(name, value)
			}
			_, err := awscli.Resolve(t.Context(), tt.choices, noLocal)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func noLocal() (awscli.Local, bool) { return awscli.Local{}, false }

// TestProfileSettings checks what the SDK does not read of a profile.
func TestProfileSettings(t *testing.T) {
	for profile, want := range map[string]string{
		"": "text", "plain": "", "own": "yaml # not a comment to the SDK", "service": "",
	} {
		configure(t, alone(t))
		s, err := awscli.Resolve(t.Context(), awscli.Choices{Profile: profile}, noLocal)
		if err != nil || s.Profile["output"] != want {
			t.Errorf("profile %q: output %q, %v; want %q", profile, s.Profile["output"], err, want)
		}
	}
}

func TestBrokenConfigFile(t *testing.T) {
	for _, text := range []string{"region = us-east-1\n", "[default]\nregion\n", "[default\n"} {
		path := filepath.Join(alone(t), "config")
		write(t, path, text)
		t.Setenv("AWS_CONFIG_FILE", path)
		_, err := awscli.Resolve(t.Context(), awscli.Choices{Region: "us-east-1", Unsigned: true}, noLocal)
		if err == nil || !strings.Contains(err.Error(), "Unable to parse config file: "+path) {
			t.Errorf("%q: error %v, want that it cannot be parsed", text, err)
		}
	}
}
