package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clockVariable is by how many seconds the clock of a process is off that was built with
// an overlay of writeOverlay.
const clockVariable = "PARLEY_FAULTS_CLOCK"

// The change of Go's time package. Only time.Now tells another time: monotonic readings,
// timers and what has no clock of its own stay as they are.
const (
	nowBefore = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	nowAfter  = nowBefore + "\tsec += clockOffset\n"

	offsetFile = `package time

import "syscall"

// clockOffset is in seconds.
var clockOffset = func() int64 {
	text, _ := syscall.Getenv("` + clockVariable + `")
	seconds, err := atoi(text)
	if err != nil {
		return 0
	}
	return int64(seconds)
}()
`
)

// writeOverlay writes to a folder what go build -overlay needs to build programs whose
// clock can be off, and returns its path. It is made from the source of the Go that is
// installed, none of which is kept here.
func writeOverlay(dir string) (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	text, err := os.ReadFile(filepath.Join(source, "time.go"))
	if err != nil {
		return "", err
	}
	if strings.Count(string(text), nowBefore) != 1 {
		return "", errors.New("time.Now of this Go does not begin as expected")
	}
	patched := strings.Replace(string(text), nowBefore, nowAfter, 1)
	replace := map[string]string{}
	for name, text := range map[string]string{"time.go": patched, "parley_offset.go": offsetFile} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(source, name)] = path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}

// build builds a package of this module, or a file, with a clock that can be off.
func build(t *testing.T, what, dir string) (binary string) {
	t.Helper()
	overlay, err := writeOverlay(dir)
	if err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(dir, "binary")
	cmd := exec.Command("go", "build", "-overlay", overlay, "-o", binary, what)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", what, err, out)
	}
	return binary
}

// TestClockIsOff builds a program that prints the time, and how long it took to ask for
// it twice.
func TestClockIsOff(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "main.go")
	err := os.WriteFile(program, []byte(`package main
import "time"
func main() {
	begin := time.Now()
	println(begin.UnixMilli(), time.Since(begin).Milliseconds(), time.Until(begin).Milliseconds())
}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	binary := build(t, program, dir)
	for _, off := range []int{-3, 0, 3} {
		cmd := exec.Command(binary)
		cmd.Env = append(os.Environ(), clockVariable+"="+strconv.Itoa(off))
		begin := time.Now()
		out, err := cmd.CombinedOutput()
		var now, since, until int64
		if _, scan := fmt.Sscan(string(out), &now, &since, &until); err != nil || scan != nil {
			t.Fatalf("the program printed %q (%v)", out, err)
		}
		told := time.UnixMilli(now).Add(-time.Duration(off) * time.Second)
		if told.Before(begin.Add(-time.Second)) || told.After(time.Now().Add(time.Second)) ||
			since > 2000 || until < -2000 {
			t.Errorf("with a clock %d s off, from %s on it was %s, and %d and %d ms passed",
				off, begin, told, since, until)
		}
	}
}
