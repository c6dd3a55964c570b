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
			rows, err := findings(t.Context(), k, s.AWS().Config())
			if err == nil {
				err = documented(rows)
			}
			if err != nil {
				t.Error(err)
			}
			said := probed(t.Context(), s.AWS().Config())
			for _, p := range promises(k) {
				t.Run(p.name, func(t *testing.T) {
					if cell, failed := judge(excepted[k.Name][p.name], p.keep(t.Context(), s.AWS().Config()), said); failed {
						t.Error(cell)
					}
				})
			}
		})
	}
}

func TestScenesOnOtherEngines(t *testing.T) {
	t.Parallel()
	for _, w := range quickWorlds {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			local.Need(t, w.needs()...)
			dir := t.TempDir()
			aws, stop, err := w.start(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			said := probed(t.Context(), aws.Config())
			for _, s := range scenes() {
				t.Run(s.name, func(t *testing.T) {
					if cell, failed := judge(w.exception(s.name), s.on(t.Context(), aws, dir, someRows), said); failed {
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
		probe   string
		cell    string
		failed  bool
	}{
		"a promise that is kept":              {exception{}, nil, "", "held", false},
		"one that is not":                     {exception{}, errors.New("lost"), "", "FAILED: lost", true},
		"an exception that is named":          {known, errors.New("the bucket keeps no versions: x"), "Versioning is off: …", "no versions", false},
		"an exception for another reason":     {known, errors.New("timeout"), "", "FAILED: the exception (no versions) is not said: timeout", true},
		"one of which the probe says nothing": {known, errors.New("the bucket keeps no versions: x"), "Versioning is on.", `FAILED: the probe does not say "Versioning is off": Versioning is on.`, true},
		"an exception that is not needed":     {known, nil, "", "FAILED: it holds now, so the exception (no versions) can go", true},
	} {
		t.Run(name, func(t *testing.T) {
			if cell, failed := judge(tc.allowed, tc.err, func() string { return tc.probe }); cell != tc.cell || failed != tc.failed {
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
