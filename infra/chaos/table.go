package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// result is how a trial ended.
type result struct {
	trial trial
	met   bool
	err   error
}

// tally adds results up, by function and call.
type tally struct {
	rows               []*row
	runs, held, broken int
	unmet              int
}

type row struct {
	function, call string
	name           string // the function, whatever the scene
	runs           int
	faults         map[string]int
	broken         []string
}

func (t *tally) add(r result) {
	at := r.trial.at.String()
	if r.trial.twice || r.trial.trouble != nil {
		at = "(all)"
	}
	i := slices.IndexFunc(t.rows, func(row *row) bool { return row.function == r.trial.who() && row.call == at })
	if i < 0 {
		i = len(t.rows)
		t.rows = append(t.rows, &row{function: r.trial.who(), name: r.trial.function.name, call: at, faults: map[string]int{}})
	}
	t.rows[i].runs++
	t.rows[i].faults[r.trial.what()]++
	t.runs++
	if !r.met {
		t.unmet++
	}
	if r.err != nil {
		t.broken++
		t.rows[i].broken = append(t.rows[i].broken, r.trial.what())
		return
	}
	t.held++
}

// print writes the table and the totals.
func (t *tally) print(to io.Writer) {
	order := map[string]int{}
	for i, f := range functions {
		order[f.name] = i
	}
	slices.SortStableFunc(t.rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(order[a.name], order[b.name]), cmp.Compare(a.function, b.function), cmp.Compare(a.call, b.call))
	})
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FUNCTION\tCALL\tFAULTS\tRUNS\tLAWS")
	calls, runs, faults := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, r := range t.rows {
		laws := "held"
		if len(r.broken) > 0 {
			laws = "BROKEN by " + strings.Join(r.broken, ", ")
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\n", r.function, r.call, len(r.faults), r.runs, laws)
		runs[r.name] += r.runs
		if r.call != "(all)" && r.function == r.name {
			calls[r.name]++
		}
		for fault := range r.faults {
			faults[fault] = true
		}
	}
	_ = table.Flush() // nothing can be done about a closed terminal
	fmt.Fprintln(to, "\nFaults:", strings.Join(slices.Sorted(maps.Keys(faults)), "; ")+".")
	for _, f := range functions {
		if runs[f.name] > 0 {
			fmt.Fprintf(to, "%s makes %d calls; %d runs.\n", f.name, calls[f.name], runs[f.name])
		}
	}
	fmt.Fprintf(to, "%d runs: laws held in %d, broken in %d. In %d the fault was not met, since the run made other calls.\n", t.runs, t.held, t.broken, t.unmet)
}
