package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"parley": main})
}

// TestScripts runs the command as a person would: each file in testdata/script
// holds commands and what they print.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Condition: condition})
}

// condition is laptop where a program that is missing is no failure.
func condition(name string) (bool, error) {
	if name != "laptop" {
		return false, fmt.Errorf("there is no condition %s", name)
	}
	return os.Getenv("CI") == "", nil
}
