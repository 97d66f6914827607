//go:build linux || darwin

package load

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// CheckFiles returns an error that says what to do when this process may not have
// enough open files for a number of sessions. Go has raised the soft limit to the
// hard one already.
func CheckFiles(sessions int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if needed := uint64(sessions + spareFiles); limit.Cur < needed {
		return fmt.Errorf("%d sessions need %d open files, and the limit is %d: raise it with "+
			"ulimit -n %d", sessions, needed, limit.Cur, needed)
	}
	return nil
}

// ownCPU returns the CPU time that this process has used.
func ownCPU() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0 // it has no reason to fail
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
