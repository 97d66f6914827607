package listen

import "syscall"

// maxDefaultConnections is the most that is allowed without being told to: each takes
// some 12 KiB, and three times as much while it shakes hands over TLS.
const maxDefaultConnections = 16384

// reservedFiles is how many files are left to the server itself.
const reservedFiles = 64

// DefaultConnections returns how many connections that are no sessions may be open:
// a quarter of the files that the process may open, and at most 16,384.
func DefaultConnections() int { return min(maxFiles()/4, maxDefaultConnections) }

// DefaultSessions returns how many sessions may be open: all files that the process
// may open but for those of the other connections and 64.
func DefaultSessions() int { return max(maxFiles()-DefaultConnections()-reservedFiles, 1) }

// maxFiles returns how many files the process may open, at most a thousand million.
func maxFiles() int {
	const most = 1_000_000_000
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return most
	}
	return int(min(uint64(files.Cur), most))
}
