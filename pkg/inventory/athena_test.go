package inventory

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The table for Athena in docs/inventory.md has the columns of the report, in its order and with
// types that hold every value, over the files of its days.
func TestTheTableForAthenaIsThatOfTheReport(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "inventory.md"))
	if err != nil {
		t.Fatal(err)
	}
	statement := regexp.MustCompile(`(?s)CREATE EXTERNAL TABLE states \((.*?)\)\n\s*PARTITIONED BY \(dt string\)(.*?)\n\n`).FindStringSubmatch(string(page))
	if statement == nil {
		t.Fatal("the page has no such table")
	}
	var got []string
	for _, column := range regexp.MustCompile(`(\w+) ([a-z]+(?:\([\d,]+\)|<[a-z,]+>)?)`).FindAllStringSubmatch(statement[1], -1) {
		got = append(got, column[1]+" "+column[2])
	}
	types := map[string]string{
		"string": "string", "tflock.Path": "string", "policy.Locking": "string", "int64": "bigint", "*uint64": "decimal(20,0)", "*int": "int",
		"map[string]int": "map<string,int>", "[]string": "array<string>",
	}
	var want []string
	for field := range reflect.TypeFor[row]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		want = append(want, name+" "+types[field.Type.String()])
	}
	if !slices.Equal(got, want) {
		t.Errorf("the table has %q, and the report %q", got, want)
	}
	day := fileOfDay(time.Date(2026, 11, 28, 23, 0, 0, 0, time.UTC))
	if !strings.Contains(statement[2], "/inventory/dt=${dt}'") || !strings.HasPrefix(day, "inventory/dt=2026-11-28/") {
		t.Errorf("a day is %s, and the table %s", day, statement[2])
	}
}
