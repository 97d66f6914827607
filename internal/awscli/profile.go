package awscli

import (
	"os"
	"path/filepath"
	"strings"
)

// profileSettings returns the settings of a profile in the shared configuration file,
// of which the SDK does not tell those that only a command line has, such as output.
// Without a file there are none.
func profileSettings(profile string) (map[string]string, error) {
	settings := map[string]string{}
	path := configFile()
	text, err := os.ReadFile(path)
	if err != nil {
		return settings, nil
	}
	section, named := "", false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, " \t\r\n")
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case trimmed != line && named:
			continue // it belongs to the setting above, which is none of ours
		}
		if name, ok := sectionOf(line); ok {
			section, named = name, true
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || !named {
			return nil, failf(exitGeneral, "", "Unable to parse config file: %s", path)
		}
		if section == profile {
			settings[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return settings, nil
}

// sectionOf returns the profile of a line such as [profile NAME] or [default].
func sectionOf(line string) (string, bool) {
	name, opened := strings.CutPrefix(line, "[")
	name, _, closed := strings.Cut(name, "]")
	if !opened || !closed {
		return "", false
	}
	name = strings.TrimSpace(name)
	if named, ok := strings.CutPrefix(name, "profile "); ok {
		name = strings.TrimSpace(named)
	} else if name != defaultProfile {
		return "", true // of something else, such as [sso-session NAME]
	}
	return name, true
}

const defaultProfile = "default"

// configFile returns where the shared configuration is.
func configFile() string {
	if path := os.Getenv("AWS_CONFIG_FILE"); path != "" {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".aws", "config")
}
