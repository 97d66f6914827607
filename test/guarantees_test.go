package test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuaranteesAreTested looks for the tests that docs/guarantees.md names.
func TestGuaranteesAreTested(t *testing.T) {
	there := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range function.FindAllSubmatch(text, -1) {
			there[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(readFile(t, "../docs/guarantees.md"), -1)
	if len(named) == 0 {
		t.Fatal("docs/guarantees.md names no tests")
	}
	for _, name := range named {
		if !there[name[1]] {
			t.Errorf("docs/guarantees.md names %s, which is nowhere", name[1])
		}
	}
}
