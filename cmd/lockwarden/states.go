package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

type statesCommand struct {
	Search string `arg:"" optional:"" help:"A part of the path, in any case. Default: every state."`
	Sort   string `enum:"path,size,age,resources" default:"path" help:"Order: path; size, the largest first; age, the longest unwritten first; resources, the most first."`
	Most   int    `default:"1000" help:"How many states to list, at most 1000." placeholder:"N"`
}

// stock is what the console function answers of the inventory's report.
type stock struct {
	Written          *time.Time
	States, Matching int
	Rows             []struct {
		Path         string
		Size         int64
		LastModified time.Time `json:"last_modified"`
		Serial       *uint64
		Format       string
		Managed      *int
		Digest       string
		Locking      string
	}
	Findings []policy.StateFinding
	Omitted  int `json:"findings_omitted"`
}

// Run lists the report's findings and states. It makes no inventory: the report is as old as
// it says.
func (c statesCommand) Run(ctx context.Context, s *session) error {
	var report stock
	raw, err := s.answer(ctx, consoleOutput, map[string]any{"view": "states", "json": true, "search": c.Search, "sort": c.Sort, "page_size": c.Most}, &report)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.printJSON(raw)
	}
	if report.Written == nil {
		s.say("There is no report yet: the inventory function (output InventoryFunctionName) writes one on its schedule, and when it is invoked with {}.")
		return nil
	}
	s.say("The inventory of %s: %d states, %d findings.", policy.Clock(*report.Written), report.Matching, len(report.Findings)+report.Omitted)
	for _, f := range report.Findings {
		s.finding(f)
	}
	if report.Omitted > 0 {
		s.say("And %d more findings.", report.Omitted)
	}
	if len(report.Rows) == 0 {
		return nil
	}
	rows := [][]string{{"STATE", "SIZE", "LAST WRITTEN", "SERIAL", "RESOURCES", "DIGEST", "LOCKS BY"}}
	for _, r := range report.Rows {
		resources := r.Format // encrypted, or unreadable
		if r.Managed != nil {
			resources = fmt.Sprint(*r.Managed)
		}
		serial := ""
		if r.Serial != nil {
			serial = fmt.Sprint(*r.Serial)
		}
		rows = append(rows, []string{r.Path, fmt.Sprint(r.Size), r.LastModified.UTC().Format(time.DateOnly), serial, resources, r.Digest, r.Locking})
	}
	if err := s.table(rows); err != nil {
		return err
	}
	s.warnOfShell(rows, 0)
	if more := report.Matching - len(report.Rows); more > 0 {
		s.say("And %d more states: search for a part of the path.", more)
	}
	return nil
}

// finding says what is wrong, and which action of `lockwarden repair` ends it.
func (s *session) finding(f policy.StateFinding) {
	s.say("%s", line(strings.ToUpper(f.Severity)+" "+string(f.Type)+" of "+f.Named()+", since "+policy.Clock(f.Since)))
	s.say("  %s", line(f.Text))
	if f.Fix != nil {
		s.say("  > repair it with %s%s", line(string(f.Fix.Action)), shellWarning(string(f.Fix.Path)))
	}
}

// shellWarning goes with advice to put a path into a command that may run a part of it: the marks around a name are not those of a shell.
func shellWarning(path string) string {
	if plain.ForShells(path) {
		return ""
	}
	return ", on the dashboard's page of states: never paste a path with quotation marks or other shell characters into a shell command"
}
