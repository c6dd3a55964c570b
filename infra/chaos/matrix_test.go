package main

import (
	"os"
	"strings"
	"testing"
)

// The matrix in short: trials of every kind, spread over all calls. `make chaos` makes
// all of them; CHAOS names some.
func TestMatrix(t *testing.T) {
	w, err := makeWorld(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	const every = 61 // no divisor of the number of trials a call
	list, err := w.allTrials()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, trial := range list {
		if only := os.Getenv("CHAOS"); (only == "" && i%every != 0) || !strings.Contains(trial.String(), only) {
			continue
		}
		n++
		if _, err := w.run(trial); err != nil {
			t.Errorf("%s: %v", trial, err)
		}
	}
	t.Log(n, "trials")
}
