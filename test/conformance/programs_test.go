package conformance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// missing ends a test whose client is not installed: it fails where the environment
// variable CI is set, because there every client is required, and skips elsewhere.
func missing(t *testing.T, what, how string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing, and CI tests every client: %s", what, how)
	}
	t.Skipf("%s is missing, so nothing of it is tested here: %s", what, how)
}

// cleanEnv returns the environment of a client program, without anything of the
// user's: the home folder is empty or foreign to it, and so is its configuration.
func cleanEnv(home string, more ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"LANG=C.UTF-8",
		"AWS_CONFIG_FILE=" + filepath.Join(home, "no-aws-config"),
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_MAX_ATTEMPTS=1", // tests look at each answer, so nothing is tried again
		"AWS_PAGER=",
		"AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE=1",
	}, more...)
}

// programs returns each distinct program called name: the one on the PATH and
// Debian's own.
func programs(name string) []string {
	paths := []string{filepath.Join("/usr/bin", name)}
	if path := onPath(name); path != "" {
		paths = append(paths, path)
	}
	var found []string
	for _, path := range paths {
		if real, err := filepath.EvalSymlinks(path); err == nil && !slices.Contains(found, real) {
			found = append(found, real)
		}
	}
	return found
}

// onPath returns what the user's shell runs for name, or "". A shim of pyenv is
// replaced by the program that it stands for, which needs no home folder.
func onPath(name string) string {
	path, err := exec.LookPath(name)
	if err != nil || filepath.Base(filepath.Dir(path)) != "shims" {
		return path
	}
	out, err := exec.Command("pyenv", "which", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// run runs a program to its end and returns what it printed and its exit code, -1
// when it was killed for taking longer than callTimeout.
func run(t *testing.T, dir string, env []string, name string, args ...string) (
	stdout, stderr string, code int,
) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	var out, errs strings.Builder
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &out, &errs
	cmd.WaitDelay = stopTimeout // for what outlives the program that was killed
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatalf("run %s: %v", name, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
