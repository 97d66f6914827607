package app

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/store/snapshot"
)

// Limits of restores.
const (
	maxRestoreBytes = 1 << 30 // of a backup
	restoreUpload   = 15 * time.Minute
)

// serveBackup answers with all rooms and logging configurations, in the form that
// docs/operating.md describes. An answer that breaks off lacks the last line.
func (a *App) serveBackup(w http.ResponseWriter, r *http.Request) {
	taken, err := snapshot.Take(r.Context(), a.store)
	if err != nil {
		a.log.Error("backup", "err", err)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	counts, err := taken.Write(w, "parley "+Version(), time.Now())
	if err != nil {
		a.log.Warn("a backup broke off", "err", err)
		panic(http.ErrAbortHandler) // so that the reader notices
	}
	a.log.Info("backup", "rooms", counts.Rooms,
		"logging_configurations", counts.LoggingConfigurations)
}

// RestoreAnswer is what the admin listener answers to a restore. With an error, Report
// says what was done before.
type RestoreAnswer struct {
	Report snapshot.Report `json:"report"`
	Error  string          `json:"error,omitempty"`
}

// restoreStatus is how restores fail.
var restoreStatus = map[parley.Code]int{
	parley.Invalid:     http.StatusBadRequest,
	parley.Conflict:    http.StatusConflict,
	parley.NotFound:    http.StatusConflict, // a logging configuration was deleted meanwhile
	parley.Unavailable: http.StatusServiceUnavailable,
}

// serveRestore saves what the backup in the request has, and answers with a
// RestoreAnswer. One restore runs at a time.
func (a *App) serveRestore(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength > maxRestoreBytes { // which is known without a look at it
		refuseUpload(w, &http.MaxBytesError{Limit: maxRestoreBytes})
		return
	}
	if !a.restoring.TryLock() {
		http.Error(w, "another restore is in progress on this node", http.StatusConflict)
		return
	}
	defer a.restoring.Unlock()
	backup, err := a.receive(w, r)
	if err != nil {
		refuseUpload(w, err)
		return
	}
	defer backup.Close()
	query := r.URL.Query()
	report, err := snapshot.Restore(r.Context(), a.store, backup, snapshot.Options{
		Overwrite: query.Has("overwrite"), DryRun: query.Has("dry-run"),
	})
	answer, status := RestoreAnswer{Report: report}, http.StatusOK
	if err != nil {
		answer.Error = err.Error()
		status = cmp.Or(restoreStatus[parley.CodeOf(err)], http.StatusInternalServerError)
	}
	a.log.Info("restore", "created", report.Created.Sum(), "overwritten", report.Overwritten.Sum(),
		"unchanged", report.Unchanged.Sum(), "dry_run", query.Has("dry-run"), "err", err)
	writeJSON(w, status, answer)
}

// refuseUpload answers that a backup was not received.
func refuseUpload(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
		err = fmt.Errorf("the backup has more than %d bytes", tooLarge.Limit)
	}
	http.Error(w, err.Error(), status)
}

// receive writes a request's body to a file, since it has to be read twice. The file
// goes when it is closed.
func (a *App) receive(w http.ResponseWriter, r *http.Request) (*os.File, error) {
	f, err := os.CreateTemp(a.data.path, "restore-*") // in a folder for such files, when none is kept
	if err != nil {
		return nil, err
	}
	// It need not have a name any more.
	err = os.Remove(f.Name())
	if err == nil {
		err = http.NewResponseController(w).SetReadDeadline(time.Now().Add(restoreUpload))
	}
	if err == nil {
		_, err = io.Copy(f, http.MaxBytesReader(w, r.Body, maxRestoreBytes))
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("receive the backup: %w", err)
	}
	return f, nil
}
