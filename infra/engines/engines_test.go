package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/engines/server"
	"github.com/lockwarden/lockwarden/infra/local"
)

func TestEnginesKeepThePromisesOfStores(t *testing.T) {
	t.Parallel()
	for _, k := range quick {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			local.Need(t, k.Installed)
			s, err := server.Start(t.Context(), k, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Stop)
			for _, p := range promises(k) {
				t.Run(p.name, func(t *testing.T) {
					if cell, failed := judge(excepted[k.Name][p.name], p.keep(t.Context(), s.AWS().Config())); failed {
						t.Error(cell)
					}
				})
			}
		})
	}
}

func TestACellSaysWhatIsSo(t *testing.T) {
	t.Parallel()
	known := exception{"no versions", "keeps no versions"}
	for name, tc := range map[string]struct {
		allowed exception
		err     error
		cell    string
		failed  bool
	}{
		"a promise that is kept":             {exception{}, nil, "held", false},
		"one that is not":                    {exception{}, errors.New("lost"), "FAILED: lost", true},
		"an exception that is named":         {known, errors.New("the bucket keeps no versions: x"), "no versions", false},
		"an exception for another reason":    {known, errors.New("timeout"), "FAILED: the exception (no versions) is not said: timeout", true},
		"an exception that is none any more": {known, nil, "FAILED: it holds now, so it is no exception (no versions) any more", true},
	} {
		t.Run(name, func(t *testing.T) {
			if cell, failed := judge(tc.allowed, tc.err); cell != tc.cell || failed != tc.failed {
				t.Errorf("%q, %v", cell, failed)
			}
		})
	}
}

func TestTheTableHasEveryCellAndWhatFailed(t *testing.T) {
	t.Parallel()
	m := newMatrix("promise")
	m.set("a", "one", "held", false)
	m.set("b", "two", "FAILED: lost", true)
	var out strings.Builder
	m.print(&out)
	want := "promise  one   two\na        held  -\nb        -     FAILED\nFAILED: b on two: lost\n"
	if out.String() != want {
		t.Errorf("got %q", out.String())
	}
}
