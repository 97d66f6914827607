package output

import (
	"bufio"
	"math"
	"strings"

	"golang.org/x/text/width"

	"github.com/parley-chat/parley/internal/awscli/python"
)

// cellPadding is the space around the text of a cell, with its border.
const cellPadding = 4

// table is what a table consists of, before it is drawn.
type table struct{ sections []*section }

// section is a part of a table with columns of its own.
type section struct {
	title   *string // nil when it goes on with the section before
	indent  int
	headers []string
	rows    [][]string
	columns int   // of the first row or header; -1 before it
	widths  []int // of the columns, without padding
}

func (t *table) section(title *string, indent int) *section {
	s := &section{title: title, indent: indent, columns: -1}
	t.sections = append(t.sections, s)
	return s
}

// header gives the last section headers. They have to fit what it has already.
func (t *table) header(headers []string) error {
	s := t.sections[len(t.sections)-1]
	if s.columns < 0 {
		s.columns = len(headers)
	}
	s.headers = headers
	return s.widen(headers)
}

// row adds a row to the last section. It has to have as many columns as the others.
func (t *table) row(values []any) error {
	s := t.sections[len(t.sections)-1]
	if s.columns < 0 {
		s.columns = len(values)
	}
	if len(values) != s.columns {
		return python.Errorf("Row should have %d elements, instead it has %d", s.columns,
			len(values))
	}
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = python.Str(v)
	}
	s.rows = append(s.rows, row)
	return s.widen(row)
}

func (s *section) widen(cells []string) error {
	if len(s.widths) == 0 {
		s.widths = make([]int, len(cells))
	}
	if len(cells) > len(s.widths) {
		return python.Error("list index out of range")
	}
	for i, cell := range cells {
		s.widths[i] = max(s.widths[i], textWidth(cell))
	}
	return nil
}

// textWidth returns how many columns a text takes. The CLI counts characters of
// ambiguous width as wide, and each combining one as one of its own.
func textWidth(s string) int {
	columns := 0
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth, width.EastAsianAmbiguous:
			columns += 2
		default:
			columns++
		}
	}
	return columns
}

// width returns how many columns the table takes.
func (t *table) width() int {
	widest := 0
	for _, s := range t.sections {
		title := "None" // so Python writes none, and the CLI counts it
		if s.title != nil {
			title = *s.title
		}
		cells := 0
		for _, w := range s.widths {
			cells += w + cellPadding
		}
		const borders = 2
		widest = max(widest, max(textWidth(title), cells)+borders+2*s.indent)
	}
	return widest
}

// turn turns sections of one row on their side, to make the table narrower.
func (t *table) turn() {
	for i, s := range t.sections {
		if len(s.rows) != 1 || len(s.headers) == 0 {
			continue
		}
		turned := table{}
		t.sections[i] = turned.section(s.title, s.indent)
		for column := range min(len(s.headers), len(s.rows[0])) {
			// Rows of two strings fit each other.
			_ = turned.row([]any{s.headers[column], s.rows[0][column]})
		}
	}
}

// fit returns the widths of the columns, padded and stretched or shrunk to a total.
func (s *section) fit(total int) []int {
	sum := 0
	for _, w := range s.widths {
		sum += w + cellPadding
	}
	fitted := make([]int, len(s.widths))
	off := -total
	for i, w := range s.widths {
		scale := float64(total) / float64(sum)
		fitted[i] = int(math.RoundToEven(scale * float64(w+cellPadding)))
		off += fitted[i]
	}
	if len(fitted) > 0 {
		spread(fitted, off)
	}
	return fitted
}

// spread takes columns that are too many from the first on, and gives those that are
// missing from the last on, one to each.
func spread(widths []int, off int) {
	for i := 0; off > 0; i++ {
		widths[i%len(widths)]--
		off--
	}
	for i := 0; off < 0; i++ {
		widths[len(widths)-1-i%len(widths)]++
		off++
	}
}

// canvas draws a table.
type canvas struct {
	w     *bufio.Writer
	color bool
}

// The colors of the CLI, and what ends them.
const (
	cellColor   = "\x1b[1m\x1b[34m"
	borderColor = "\x1b[2m\x1b[33m"
	noColor     = "\x1b[0m"
)

func (c canvas) draw(t *table) {
	total := t.width()
	c.put(strings.Repeat("-", total) + "\n")
	for _, s := range t.sections {
		c.section(s, total-2*s.indent)
	}
}

// put writes a text; the CLI ends its color then, even if it has none.
func (c canvas) put(text string) {
	c.w.WriteString(text)
	if c.color {
		c.w.WriteString(noColor)
	}
}

func (c canvas) colored(color, text string) string {
	if !c.color {
		return text
	}
	return color + text + noColor
}

// line writes a line between the borders of a section.
func (c canvas) line(s *section, text string) {
	border := strings.Repeat(c.colored(borderColor, "|"), s.indent)
	for _, part := range []string{border, text, border, "\n"} {
		c.put(part)
	}
}

func (c canvas) section(s *section, total int) {
	if s.title != nil && *s.title != "" {
		c.line(s, c.center(*s.title, total, "|"))
		if len(s.headers) == 0 && len(s.rows) == 0 {
			c.rule(s, []int{total})
		}
	}
	widths := s.fit(total)
	if len(s.headers) > 0 {
		c.rule(s, widths)
		c.cells(s, widths, s.headers, c.center)
	}
	if len(s.rows) == 0 || len(widths) == 0 {
		return
	}
	c.rule(s, widths)
	for _, row := range s.rows {
		c.cells(s, widths, row, c.left)
	}
	c.rule(s, widths)
}

// rule writes the line between rows. The width of the first column has both borders.
func (c canvas) rule(s *section, widths []int) {
	var line strings.Builder
	for i, w := range widths {
		if i == 0 {
			line.WriteByte('+')
			w--
		}
		line.WriteString(strings.Repeat("-", w-1) + "+")
	}
	c.line(s, line.String())
}

// cells writes a row, each cell placed in the width of its column.
func (c canvas) cells(s *section, widths []int, row []string,
	place func(text string, width int, border string) string) {
	var line strings.Builder
	border := "|"
	for i, text := range row[:min(len(row), len(widths))] {
		line.WriteString(place(text, widths[i], border))
		border = ""
	}
	c.line(s, line.String())
}

// center places a text in a width, which has the borders in it.
func (c canvas) center(text string, width int, border string) string {
	columns := textWidth(text)
	before := width/2 - columns/2 - 1
	after := width - len(border) - before - columns - 1
	return border + strings.Repeat(" ", before) + text + strings.Repeat(" ", after) + "|"
}

// left places a text of a cell in a width, which has the borders in it.
func (c canvas) left(text string, width int, border string) string {
	const before = 2
	after := width - len(border) - before - textWidth(text) - 1
	return border + strings.Repeat(" ", before) + c.colored(cellColor, text) +
		strings.Repeat(" ", after) + "|"
}
