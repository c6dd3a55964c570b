package inventory

import (
	"encoding/csv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// spreadsheet cuts a line into cells as Excel and LibreOffice do, which take more than RFC
// 4180 allows: what follows a closing quote is text, up to the separator.
func spreadsheet(line string, separator rune) (cells []string) {
	var cell strings.Builder
	begins, quoted := true, false
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quoted && r == '"' && i+1 < len(runes) && runes[i+1] == '"':
			cell.WriteRune(r)
			i++
		case quoted && r == '"':
			quoted = false
		case !quoted && begins && r == '"':
			quoted = true
		case !quoted && (r == separator || r == '\n' || r == '\r'):
			cells = append(cells, cell.String())
			cell.Reset()
			begins = true
			continue
		default:
			cell.WriteRune(r)
		}
		begins = false
	}
	return append(cells, cell.String())
}

// Whatever a state says, no cell of its row is a formula, by whichever character the
// spreadsheet separates cells; and the row has as many cells as it should, where that is the comma.
func TestNoCellIsAFormula(t *testing.T) {
	hostile := rapid.StringOf(rapid.SampledFrom([]rune("=+-@\t\r\n＝＋－＠;,|\"' cmd!A0/é")))
	rapid.Check(t, func(t *rapid.T) {
		cells := rapid.SliceOfN(rapid.OneOf(hostile, rapid.String()), 1, 6).Draw(t, "cells")
		var out strings.Builder
		writeCSV(&out, cells)
		for _, separator := range ",;\t|" {
			for _, cell := range spreadsheet(out.String(), separator) {
				if cell = strings.TrimSpace(cell); cell != "" && strings.ContainsAny(string([]rune(cell)[:1]), "=+-@＝＋－＠") {
					t.Fatalf("by %q, %q is a formula in %q", separator, cell, out.String())
				}
			}
		}
		read, err := csv.NewReader(strings.NewReader(out.String())).Read()
		if err != nil || len(read) != len(cells) {
			t.Fatalf("%q: %d cells of %d, %v", out.String(), len(read), len(cells), err)
		}
	})
}

func TestCellsThatAreNoFormulaStayAsTheyAre(t *testing.T) {
	for _, text := range []string{"", "states/network/terraform.tfstate", "env:/a-b/x=y+z@w.tfstate", "1.11.4", `a "quoted" name`, "aws_vpc=2 aws_subnet=3", "registry.terraform.io/hashicorp/aws"} {
		var out strings.Builder
		writeCSV(&out, []string{text})
		read, err := csv.NewReader(strings.NewReader(out.String())).Read()
		if err != nil || read[0] != text {
			t.Errorf("%q became %q, %v", text, read, err)
		}
	}
}
