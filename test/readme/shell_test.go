package readme_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	blockTimeout = 10 * time.Minute // of one block, which may build or install
	stopTimeout  = 2 * time.Minute
	blockDone    = "--- the block is done ---"
)

// process is a command with everything that it started.
type process struct {
	cmd   *exec.Cmd
	lines chan string   // what it prints, by line; read closes it at the end
	ended chan struct{} // closed after lines
}

// start starts a command in a process group of its own, which ends with the test.
func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cmd.Args[0], err)
	}
	p := &process{cmd: cmd, lines: make(chan string, 1024), ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		defer close(p.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
		_ = cmd.Wait() // who needs its result sees it in what it printed
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

// stop does what Ctrl-C does, and fails the test when that is not enough.
func (p *process) stop(t *testing.T) {
	go func() {
		for range p.lines { // nobody reads them any more
		}
	}()
	signal := syscall.SIGINT
	for {
		_ = syscall.Kill(-p.cmd.Process.Pid, signal) // fails when all of them have ended
		select {
		case <-p.ended:
			return
		case <-time.After(stopTimeout):
			t.Errorf("%s did not end within %v of %v", p.cmd.Args[0], stopTimeout, signal)
			signal = syscall.SIGKILL
		}
	}
}

// until returns what the process prints up to a line that begins with prefix, and
// that line.
func (p *process) until(prefix string) (output string, err error) {
	timeout := time.After(blockTimeout)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				return output, errors.New("it ended")
			}
			output += line + "\n"
			if strings.HasPrefix(line, prefix) {
				return output, nil
			}
		case <-timeout:
			return output, fmt.Errorf("not done within %v", blockTimeout)
		}
	}
}

// shell is the reader's shell: what one block sets, the next one sees.
type shell struct {
	*process
	dir    string   // holds the blocks as files
	blocks *os.File // the shell sources each file that is named here
}

// readerShell sources the files named on descriptor 3. It ends at the first command
// that fails, which it names.
const readerShell = `set -eEo pipefail
trap 'echo "exit code $?: $BASH_COMMAND"' ERR
while read -r block <&3; do
	source "$block" </dev/null 3<&-
	echo '` + blockDone + `'
done`

// startShell starts a bash that ends at the first command that fails.
func startShell(t *testing.T, dir string, env []string) *shell {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command("bash", "-c", readerShell)
	cmd.Dir, cmd.Env, cmd.ExtraFiles = dir, env, []*os.File{read}
	s := &shell{dir: t.TempDir(), blocks: write}
	s.process = start(t, cmd)
	t.Cleanup(func() { write.Close() })
	return s
}

// run runs commands and returns what they print. It is an error when one of them
// fails.
func (s *shell) run(commands string) (output string, err error) {
	file, err := os.CreateTemp(s.dir, "block-*.sh")
	if err != nil {
		return "", err
	}
	defer file.Close()
	if _, err := file.WriteString(commands + "\n"); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(s.blocks, file.Name()); err != nil {
		return "", err
	}
	output, err = s.until(blockDone)
	return strings.TrimSuffix(output, blockDone+"\n"), err
}

// copyCheckout copies the files of the repository, without what git ignores, to a
// folder of the test, and returns it.
func copyCheckout(t *testing.T) string {
	t.Helper()
	root, dir := filepath.Join("..", ".."), t.TempDir()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		t.Fatalf("list the files of the checkout: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
