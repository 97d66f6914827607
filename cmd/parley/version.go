package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCmd prints what was built, from what, with what.
type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run() error {
	version, revision := "(devel)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	fmt.Printf("parley %s%s %s %s/%s\n", version, revision,
		runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
