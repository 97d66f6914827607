package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/parley-chat/parley/internal/store/backup"
)

// stdio is the name of standard input or output in place of a file.
const stdio = "-"

// backupCmd writes all rooms and logging configurations of a running server to a file.
type backupCmd struct {
	File string `arg:"" help:"File to write; - is standard output."`

	adminFlags `embed:""`
}

// Run writes the file, reads it as a restore would, and only then gives it its name.
func (c *backupCmd) Run() error {
	ctx, stop := interruptible()
	defer stop()
	res, err := c.do(ctx, http.MethodGet, "/backup", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return refused(res)
	}
	if c.File == stdio {
		out := bufio.NewWriter(os.Stdout)
		counts, err := backup.Check(io.TeeReader(res.Body, out))
		return done(counts, "standard output", errors.Join(err, out.Flush()))
	}
	counts, err := writeFile(c.File, res.Body)
	return done(counts, c.File, err)
}

// writeFile writes a backup to a file, which only its owner can read. Without success,
// it leaves what was there.
func writeFile(path string, from io.Reader) (counts backup.Counts, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return counts, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	out := bufio.NewWriter(f)
	counts, err = backup.Check(io.TeeReader(from, out))
	if err = errors.Join(err, out.Flush(), f.Sync(), f.Close()); err != nil {
		return counts, err
	}
	return counts, os.Rename(f.Name(), path)
}

// done says on standard error what was written.
func done(counts backup.Counts, to string, err error) error {
	if err != nil {
		return fmt.Errorf("the backup is not complete: %w", err)
	}
	fmt.Fprintf(os.Stderr, "parley: %d logging configurations and %d rooms written to %s\n",
		counts.LoggingConfigurations, counts.Rooms, to)
	return nil
}
