package main

import (
	"strings"
	"testing"
	"time"
)

// The race with automatic release in short; `make chaos` races for minutes.
func TestAutoRace(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := runAutoRace(t.Context(), 2*time.Second, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	t.Log(out.String())
}
