package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/parley-chat/parley/internal/app"
)

// versionCmd prints what was built, from what, with what.
type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run() error {
	_, err := fmt.Println(versionLine())
	return err
}

// versionLine returns the version, the commit and its time as far as the build knows
// them, the Go version, and the system.
func versionLine() string {
	words := []string{"parley", app.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		words = append(words, settings["vcs.revision"], settings["vcs.time"])
		if settings["vcs.modified"] == "true" {
			words = append(words, "modified")
		}
	}
	words = append(words, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}
