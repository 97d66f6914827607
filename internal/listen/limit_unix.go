//go:build unix

package listen

import "syscall"

// maxFiles returns how many files the process may open, at most a thousand million.
func maxFiles() int {
	const most = 1_000_000_000
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return most
	}
	return int(min(uint64(files.Cur), most))
}
