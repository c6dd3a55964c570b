package main

import (
	"flag"
	"strings"
	"testing"
)

// only chooses trials of the matrix and duels by their names.
var only = flag.String("only", "", "make all trials and duels whose names contain this, and no others")

// The matrix in short: trials of every kind, spread over all calls. `make chaos` makes
// all of them.
func TestMatrix(t *testing.T) {
	t.Parallel() // the package's AWS is its own: the others make theirs
	w, err := makeWorld(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	const every = 97 // no divisor of the number of trials a call
	list, err := w.allTrials()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, trial := range list {
		if (*only == "" && i%every != 0) || !strings.Contains(trial.String(), *only) {
			continue
		}
		n++
		if _, err := w.run(trial); err != nil {
			t.Errorf("%s: %v", trial, err)
		}
	}
	t.Log(n, "trials")
}
