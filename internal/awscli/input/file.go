package input

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"regexp"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/awscli/python"
)

// maxFileBytes bounds the file of an option: far above the 1 MiB that a request may
// have.
const maxFileBytes = 16 << 20

// The words that stand for the content of a file begin so.
const (
	textFile   = "file://"
	binaryFile = "fileb://"
)

// source is what a word of an option stands for.
type source struct {
	text   string // of the word, or of the file
	file   bool
	binary bool // it is no text, whatever its bytes are
}

// load returns what a word stands for, which can be the content of a file.
func load(word string) (source, error) {
	if path, ok := strings.CutPrefix(word, binaryFile); ok {
		data, err := readFile(word, path)
		return source{text: string(data), file: true, binary: true}, err
	}
	path, ok := strings.CutPrefix(word, textFile)
	if !ok {
		return source{text: word}, nil
	}
	data, err := readFile(word, path)
	if err == nil && !utf8.Valid(data) {
		err = newError(General, "Unable to load paramfile (%s), text contents could not be "+
			"decoded.  If this is a binary file, please use the fileb:// prefix instead of "+
			"the file:// prefix.", expand(path))
	}
	return source{text: unixLines.Replace(string(data)), file: true}, err
}

// value returns the text, or a value that no member takes if it is none.
func (s source) value() any {
	if s.binary {
		return python.Bytes(s.text)
	}
	return s.text
}

// unixLines gives text the ends of lines that Python's text files have.
var unixLines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// readFile reads the file at path, which was given as word.
func readFile(word, path string) ([]byte, error) {
	path = expand(path)
	data, err := readAll(path)
	if err != nil {
		return nil, newError(General, "Unable to load paramfile %s: %s", word, reason(err, path))
	}
	return data, nil
}

func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(data) > maxFileBytes {
		err = fmt.Errorf("it is larger than %d bytes", maxFileBytes)
	}
	return data, err
}

// reason says why a file could not be read, as Python does.
func reason(err error, path string) string {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return err.Error()
	}
	text := number.Error()
	return fmt.Sprintf("[Errno %d] %s%s: %s", int(number), strings.ToUpper(text[:1]), text[1:],
		python.Quote(path))
}

// variable matches an environment variable in a path.
var variable = regexp.MustCompile(`\$(\w+|\{[^}]*\})`)

// expand puts the home folder and environment variables into a path. What is not known
// stays as it is.
func expand(path string) string {
	return variable.ReplaceAllStringFunc(expandHome(path), func(name string) string {
		if value, ok := os.LookupEnv(strings.Trim(name, "${}")); ok {
			return value
		}
		return name
	})
}

// expandHome replaces a tilde at the beginning, or a tilde and a user's name.
func expandHome(path string) string {
	first, _, _ := strings.Cut(path, "/")
	name, ok := strings.CutPrefix(first, "~")
	if !ok {
		return path
	}
	home, err := os.UserHomeDir()
	if name != "" {
		home, err = homeOf(name)
	}
	if err != nil {
		return path
	}
	return strings.TrimRight(home, "/") + path[len(first):]
}

func homeOf(name string) (string, error) {
	owner, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return owner.HomeDir, nil
}
