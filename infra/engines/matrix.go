package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// exception is what an engine cannot do.
type exception struct {
	name string // as the table has it
	says string // what the product says of it: in the error, or in the answer, that ends the row
}

// held is the cell of a promise that holds.
const held = "held"

// judge returns the cell of a row that ended with err, and whether that is a failure: an error
// without an exception, an exception that is not needed, or one that the product does not
// report. probed gives what the probe of the store says.
func judge(allowed exception, err error, probed func() string) (cell string, failed bool) {
	product := spoken[allowed.name]
	switch {
	case err == nil && allowed.name == "":
		return held, false
	case err == nil:
		return fmt.Sprintf("FAILED: it holds now, so the exception (%s) can go", allowed.name), true
	case allowed.name == "":
		return "FAILED: " + err.Error(), true
	case !strings.Contains(err.Error(), allowed.says):
		return fmt.Sprintf("FAILED: the exception (%s) is not said: %s", allowed.name, err), true
	case product == words{}:
		return fmt.Sprintf("FAILED: the product has no words for the exception (%s)", allowed.name), true
	case !strings.Contains(err.Error(), product.scan):
		return fmt.Sprintf("FAILED: the scan does not say %q: %s", product.scan, err), true
	case product.probe != "" && !strings.Contains(probed(), product.probe):
		return fmt.Sprintf("FAILED: the probe does not say %q: %s", product.probe, probed()), true
	}
	return allowed.name, false
}

// matrix collects cells by row and column, from many goroutines.
type matrix struct {
	mu       sync.Mutex
	title    string
	columns  []string
	rows     []string
	cells    map[[2]string]string
	failures []string
}

func newMatrix(title string) *matrix { return &matrix{title: title, cells: map[[2]string]string{}} }

// set writes a cell, and adds its row and column where they are new.
func (m *matrix) set(row, column, cell string, failed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.rows, row) {
		m.rows = append(m.rows, row)
	}
	if !slices.Contains(m.columns, column) {
		m.columns = append(m.columns, column)
	}
	m.cells[[2]string{row, column}] = cell
	if failed {
		m.cells[[2]string{row, column}] = "FAILED"
		m.failures = append(m.failures, fmt.Sprintf("%s on %s: %s", row, column, strings.TrimPrefix(cell, "FAILED: ")))
	}
}

// print writes the matrix as a table, then what failed.
func (m *matrix) print(to io.Writer) {
	fmt.Fprintln(to, m.markdown())
	for _, failure := range m.failures {
		fmt.Fprintf(to, "FAILED: %s\n", failure)
	}
}

// markdown is the matrix as a table of a page.
func (m *matrix) markdown() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lines []string
	add := func(cells ...string) { lines = append(lines, "| "+strings.Join(cells, " | ")+" |\n") }
	add(append([]string{m.title}, m.columns...)...)
	add(slices.Repeat([]string{"---"}, 1+len(m.columns))...)
	for _, row := range m.rows {
		cells := []string{row}
		for _, column := range m.columns {
			cells = append(cells, cmp.Or(m.cells[[2]string{row, column}], "–")) // the engine has no such store
		}
		add(cells...)
	}
	return strings.Join(lines, "")
}
