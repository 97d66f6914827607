package listen

import "syscall"

// maxDefaultConnections is the most that is allowed without being told to: each takes
// some 12 KiB, and three times as much while it shakes hands over TLS.
const maxDefaultConnections = 16384

// DefaultConnections returns how many connections that are no sessions may be open:
// half of the files that the process may open, and at most 16,384. That is enough for
// clients that come back all at once.
func DefaultConnections() int { return min(maxFiles()/2, maxDefaultConnections) }

// DefaultSessions returns how many sessions may be open: as many as the process may
// open files, but for a sixteenth, which is left to all else. 0 is no limit.
func DefaultSessions() int {
	files := maxFiles()
	return files - files/16
}

// maxFiles returns how many files the process may open, at most a thousand million.
func maxFiles() int {
	const most = 1_000_000_000
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return most
	}
	return int(min(uint64(files.Cur), most))
}
