package app

import (
	"cmp"
	"runtime/debug"
)

// Version returns the version that was built, as far as the build knows it.
func Version() string {
	const unknown = "(devel)"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return cmp.Or(info.Main.Version, unknown)
}
