package readme_test

import (
	"fmt"
	"regexp"
	"strings"
)

// block is a fenced block of the README.
type block struct {
	language string
	file     string // where the reader saves it: the comment <!-- file: NAME --> before it
	line     int    // of its opening fence
	text     string
}

var fileComment = regexp.MustCompile(`^<!-- file: (\S+) -->$`)

// blocks returns the fenced blocks of a document, in order.
func blocks(markdown string) []block {
	var found []block
	var open *block
	var file string
	for i, line := range strings.Split(markdown, "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{language: language, file: file, line: i + 1}
			file = ""
		case fence:
			found, open = append(found, *open), nil
		case open != nil:
			open.text += line + "\n"
		case fileComment.MatchString(line):
			file = fileComment.FindStringSubmatch(line)[1]
		case line != "":
			file = "" // the comment belongs to the block right after it
		}
	}
	return found
}

// compare returns an error unless output has every line of want, in that order. Where
// want has …, the output may have anything. Other output may stand between the lines.
func compare(want, output string) error {
	lines := strings.Split(output, "\n")
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		pattern := regexp.QuoteMeta(strings.TrimSpace(line))
		pattern = "^" + strings.ReplaceAll(pattern, "…", ".*") + "$"
		matches := regexp.MustCompile(pattern).MatchString
		for {
			if len(lines) == 0 {
				return fmt.Errorf("the output lacks the line %q, or has it too early", line)
			}
			found := matches(strings.TrimSpace(lines[0]))
			lines = lines[1:]
			if found {
				break
			}
		}
	}
	return nil
}
