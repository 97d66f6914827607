//go:build !unix

package listen

// maxFiles returns how many files the process may open, where nothing limits them but
// memory.
func maxFiles() int { return 1 << 20 }
