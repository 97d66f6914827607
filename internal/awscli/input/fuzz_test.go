package input_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/awscli/input"
)

// FuzzParse checks that no line makes Parse panic, and that members it accepts are the
// same when they are given as a document. The words are on lines of their own.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.lines")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		for _, test := range readLines(f, file) {
			words := split(test.line)
			f.Add(uint8(0), strings.Join(words[1:], "\n"))
		}
	}
	f.Fuzz(func(t *testing.T, number uint8, text string) {
		op := parley.Operations[int(number)%len(parley.Operations)]
		words := strings.Split(text, "\n")
		input.Find(words)
		line, err := input.Parse(op, words)
		if err != nil || line.Version || line.Help || line.Skeleton != "" {
			return
		}
		document := encode(line.Input)
		again, err := input.Parse(op, []string{"--cli-input-json", document})
		if got := encode(again.Input); err != nil || got != document {
			t.Errorf("%s %q: as a document: error %v, members\ngot  %s\nwant %s",
				op.Name, words, err, got, document)
		}
	})
}

// FuzzShorthand does the same with the texts of an option in its short form.
func FuzzShorthand(f *testing.F) {
	for _, test := range readLines(f, "testdata/shorthand.lines") {
		words := split(test.line)
		f.Add(words[len(words)-1])
	}
	op, _, _ := input.Find([]string{"create-room"})
	f.Fuzz(func(t *testing.T, text string) {
		line, err := input.Parse(op, []string{"--tags=" + text})
		if err != nil {
			return
		}
		document := encode(line.Input)
		again, err := input.Parse(op, []string{"--cli-input-json", document})
		if got := encode(again.Input); err != nil || got != document {
			t.Errorf("%q: as a document: error %v, members\ngot  %s\nwant %s",
				text, err, got, document)
		}
	})
}
