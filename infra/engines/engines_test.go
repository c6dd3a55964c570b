package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
			s := server.StartForTest(t, k)
			rows, err := findings(t.Context(), k, s.AWS().Config())
			if err == nil {
				err = documented(rows)
			}
			if err != nil {
				t.Error(err)
			}
			said := probed(t.Context(), s.AWS().Config())
			for _, p := range promises(k) {
				t.Run(p.Name, func(t *testing.T) {
					if cell, failed := judge(excepted[k.Name][p.Name], p.Run(t.Context(), s.AWS().Config()), said); failed {
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
			tofu, err := local.Tofu()
			if err != nil {
				t.Fatal(err)
			}
			said := probed(t.Context(), aws.Config())
			for _, s := range scenes(tofu) {
				t.Run(s.name, func(t *testing.T) {
					if cell, failed := judge(w.exception(s.name), s.on(t.Context(), aws, dir, someRows), said); failed {
						t.Error(cell)
					}
				})
			}
		})
	}
}

// What is not tried must not pass for what holds.
func TestAnEngineThatIsNotInstalledIsAFailureUnlessItIsLeftOutByItsName(t *testing.T) {
	t.Parallel()
	local.Need(t, local.OpenTofu)
	for name, tc := range map[string]struct {
		without []string
		missing local.Part
		says    string // empty: it is fine
	}{
		"everything is installed":                    {[]string{terraform}, "", ""},
		"dynoxide is not":                            {[]string{terraform}, local.Dynoxide, ".build/cargo/bin/dynoxide is not installed"},
		"dynoxide is not, and is left out":           {[]string{terraform, "dynoxide"}, local.Dynoxide, ""},
		"SeaweedFS is not, and another is left out":  {[]string{terraform, "dynoxide"}, local.SeaweedFS, "bin/weed is not installed"},
		"an engine that there is not is left out":    {[]string{terraform, "minio"}, "", `there is no "minio" to leave out`},
		"what all scenes need cannot be left out":    {[]string{terraform}, local.Services, "venv/bin/python is not installed"},
		"both versitygws are one, left out by names": {[]string{terraform, server.Versitygw.Name, server.VersitygwPlain.Name}, local.Versitygw, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			c, err := choose(&out, regexp.MustCompile(""), tc.without, func(p local.Part) bool { return p != tc.missing })
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("does not fail with %q: %v", tc.says, err)
				}
				return
			}
			if err != nil {
				t.Error(err)
			}
			for _, left := range tc.without {
				if !strings.Contains(out.String(), "LEFT OUT: "+left) {
					t.Errorf("it does not print that %s is left out: %s", left, out.String())
				}
				if slices.ContainsFunc(c.kinds, func(k server.Kind) bool { return k.Name == left }) {
					t.Errorf("%s is tried", left)
				}
				for _, w := range c.worlds {
					if slices.ContainsFunc(w.kinds(), func(k server.Kind) bool { return k.Name == left }) {
						t.Errorf("%s is tried in %s", left, w.name)
					}
				}
			}
		})
	}
}

// A name to leave out has no comma, since a comma ends it.
func TestTheNamesOfEnginesCanBeListed(t *testing.T) {
	t.Parallel()
	for _, k := range slices.Concat(quick, slow) {
		if got := split(k.Name + "," + terraform); len(got) != 2 || got[0] != k.Name {
			t.Errorf("%q is read as %q", k.Name, got)
		}
	}
}

// Each exception has words of the product.
func TestNoExceptionIsWithoutWordsOfTheProduct(t *testing.T) {
	t.Parallel()
	for engine, rows := range excepted {
		for row, e := range rows {
			if (spoken[e.name] == words{}) {
				t.Errorf("%s, %s: nothing is said of %q", engine, row, e.name)
			}
		}
	}
	page, err := os.ReadFile(filepath.Join(local.Root(), "docs", "engines.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range spoken {
		if !strings.Contains(string(page), "| "+name+" |") {
			t.Errorf("docs/engines.md does not explain %q", name)
		}
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
		"one without words of the product":    {exception{"slow", "late"}, errors.New("too late"), "", "FAILED: the product has no words for the exception (slow)", true},
		"one that the scan is silent about":   {exception{noControl, "not listed"}, errors.New("it is not listed"), "", `FAILED: the scan does not say "a character that its listings cannot carry": it is not listed`, true},
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
	want := "| promise | one | two |\n| --- | --- | --- |\n| a | held | – |\n| b | – | FAILED |\n\nFAILED: b on two: lost\n"
	if out.String() != want {
		t.Errorf("got %q", out.String())
	}
}
