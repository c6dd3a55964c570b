package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/lockwarden/lockwarden/pkg/payload"
	"github.com/lockwarden/lockwarden/pkg/plain"
)

// maxLine bounds a text in the output: more than any sentence or path has.
const maxLine = 4000

// line makes a text fit to be shown: what comes out of locks is somebody else's.
func line(text string) string { return plain.Line(text, maxLine) }

// word is what a person types to say yes. Where a text was pasted, some of it may still come, and no text knows this word.
func (t terminal) word(yes string) string {
	const letters = 4
	if !t.pasted {
		return yes
	}
	return yes + " " + strings.ToLower(rand.Text()[:letters])
}

// printJSON prints an answer as it is, with control and direction characters escaped.
func (t terminal) printJSON(answer []byte) error {
	var b bytes.Buffer
	if err := json.Indent(&b, answer, "", "  "); err != nil {
		return &functionError{"the function's answer is not JSON"}
	}
	b.WriteByte('\n')
	_, err := t.out.Write(payload.Legible(b.Bytes()))
	return err
}

// shortened keeps the beginning and the end of a cell: one path of two thousand characters would
// make every row of the table as wide. --json has it whole.
func shortened(cell string) string {
	const most, begin = 160, 60
	runes := []rune(cell)
	if len(runes) <= most {
		return cell
	}
	return string(runes[:begin]) + "…" + string(runes[len(runes)-most+begin+1:])
}

// table prints rows in columns that are two blanks apart.
func (t terminal) table(rows [][]string) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = shortened(line(cell)); cells[i] == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

func (t terminal) say(format string, args ...any) {
	fmt.Fprintf(t.out, format+"\n", args...)
}
