package inventory

import (
	"encoding/csv"
	"fmt"
	"maps"
	"reflect"
	"slices"
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

// The spreadsheet says of a state what the JSON says, under the same names and in the same order; what is
// not known is empty there.
func TestTheSpreadsheetSaysWhatTheJSONSays(t *testing.T) {
	t.Parallel()
	next := 0
	number := func() *int { next++; n := 100 + next; return &n }
	serial := uint64(7)
	whole := row{
		Path: "states/a.tfstate", Size: 99, LastModified: "2026-11-28T10:00:00Z", ETag: "e", VersionID: "v", Serial: &serial, Lineage: "l", TerraformVersion: "1.11.4", Format: "4",
		Managed: number(), Data: number(), Types: map[string]int{"aws_vpc": 2, "aws_eip": 1}, Providers: []string{"p/q/r", "s/t/u"}, Outputs: number(), SensitiveOutputs: number(),
		Tainted: number(), Deposed: number(), Digest: "ok", Locking: "both",
	}
	for _, w := range []row{whole, {Path: "states/b.tfstate", Format: "unreadable"}} {
		var out strings.Builder
		writeCSV(&out, columns)
		writeCSV(&out, w.cells())
		lines, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		if err != nil || len(lines) != 2 {
			t.Fatalf("%q, %v", lines, err)
		}
		fields := reflect.ValueOf(w)
		if len(lines[0]) != fields.NumField() {
			t.Fatalf("%d columns for %d members", len(lines[0]), fields.NumField())
		}
		for i, name := range lines[0] {
			if member := fields.Type().Field(i).Tag.Get("json"); member != name {
				t.Errorf("column %d is %s, and the member %s", i, name, member)
			}
			if want := written(fields.Field(i).Interface()); lines[1][i] != want {
				t.Errorf("%s of %s: %q, want %q", name, w.Path, lines[1][i], want)
			}
		}
	}
}

// written is a member as the spreadsheet has it.
func written(value any) string {
	switch v := value.(type) {
	case *int:
		if v == nil {
			return ""
		}
		return fmt.Sprint(*v)
	case *uint64:
		if v == nil {
			return ""
		}
		return fmt.Sprint(*v)
	case []string:
		return strings.Join(v, " ")
	case map[string]int:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, fmt.Sprintf("%s=%d", name, v[name]))
		}
		return strings.Join(all, " ")
	}
	return fmt.Sprint(value)
}
