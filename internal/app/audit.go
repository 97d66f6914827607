package app

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// auditFile is the file that the audit log is appended to. A nil one is none.
type auditFile struct {
	path string

	mu   sync.Mutex // guards file; held while writing, so that lines stay whole
	file *os.File
}

// openAudit opens the audit log, or returns nil when path is empty.
func openAudit(path string) (*auditFile, error) {
	if path == "" {
		return nil, nil
	}
	a := &auditFile{path: path}
	return a, a.reopen()
}

// writer returns where the audit log goes: nil when there is none.
func (a *auditFile) writer() io.Writer {
	if a == nil {
		return nil
	}
	return a
}

// Write appends one line.
func (a *auditFile) Write(line []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file.Write(line)
}

// reopen opens the file by its name again, so that it can be renamed away.
func (a *auditFile) reopen() error {
	if a == nil {
		return nil
	}
	file, err := os.OpenFile(a.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.file
	a.file = file
	if old == nil {
		return nil
	}
	return old.Close()
}

func (a *auditFile) close() error {
	if a == nil || a.file == nil {
		return nil
	}
	return a.file.Close()
}
