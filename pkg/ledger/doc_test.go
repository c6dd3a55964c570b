package ledger_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// People query the ledger, so its page names every field of every row.
func TestThePageOfTheLedgerNamesEveryField(t *testing.T) {
	page, err := os.ReadFile("../../docs/ledger.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(page), "\n## ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		sections[title] = text
	}
	for title, rows := range map[string][]any{
		"lock": {ledger.Entry{}}, "scan": {ledger.Store{}}, "past": {ledger.Past{}},
		"witness": {ledger.ObjectEvent{}},
		"release": {ledger.Release{}, ledger.Half{}, ledger.Bytes{}},
		"pruned":  {ledger.Pruned{}}, "prune": {ledger.Mark{}, ledger.Pass{}, ledger.Place{}, ledger.StayingStates{}}, "prune-run": {ledger.PruneRun{}}, "planned": {ledger.PlannedRelease{}},
		"auto": {ledger.Check{}, ledger.Plan{}, ledger.Keep{}, policy.Brake{}}, "repair": {ledger.Repair{}, ledger.DigestRow{}},
	} {
		for _, row := range rows {
			for _, field := range fields(reflect.TypeOf(row)) {
				if !strings.Contains(sections[title], "`"+field+"`") {
					t.Errorf("docs/ledger.md: %s: nothing of %q", title, field)
				}
			}
		}
	}
}

// fields are the names that JSON writes of a struct.
func fields(of reflect.Type) (names []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-", !f.IsExported():
		case f.Anonymous && name == "":
			names = append(names, fields(f.Type)...)
		default:
			names = append(names, name)
		}
	}
	return names
}
