package inventory_test

import (
	"strings"
	"testing"
)

// One team has a state with a character in its key that XML cannot have, and a digest that is not its own, or of a
// state that is gone. The inventory finds that, as of any state, and fails for nobody.
func TestACharacterThatXMLCannotHaveFailsNoInventory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const odd, gone = "team-a/a\x01b.tfstate", "team-a/c\x01d.tfstate"
	first := w.apply(odd, stateOf(1, "odd"))
	w.put(odd, stateOf(2, "odd"))
	w.apply(key, stateOf(1, "one"))
	w.SetDigest(w.Table, gone, sum(stateOf(1, "gone")))
	report := w.run()
	w.want("findings", w.found(report), "digest_mismatch of "+odd, "digest_orphan of "+gone)
	for _, f := range report.Findings {
		if strings.HasSuffix(string(f.Path), odd) && f.Evidence.VersionID != first {
			t.Errorf("the version of the digest is %q: %s", f.Evidence.VersionID, f.Text)
		}
	}
	w.put(odd, stateOf(1, "odd"))
	if report = w.run(); len(report.Errors) != 0 {
		t.Errorf("%q", report.Errors)
	}
}
