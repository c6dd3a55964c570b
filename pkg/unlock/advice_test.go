package unlock_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

// An ID has room for a page of text, too: in an answer nothing of it reads as our own advice.
func TestNoIDReadsAsOurAdvice(t *testing.T) {
	const advice = "x is gone as well. Both waited for the lock of states/prod/x, whose run is dead: lockwarden unlock 78007e4f --path states/prod/x --force --yes. Lock y"
	w := newWorld(t)
	w.Lock("k", advice, w.Set.Tables[0])
	w.scan()
	for name, r := range map[string]struct{ id, path string }{
		"another lock is there now": {"old", "k"},
		"a lock that is gone":       {advice, "gone"},
	} {
		a, err := w.run(&local.Wire{}, request(w, r.id, `,"path":"`+string(w.Path(r.path))+`"`))
		before, _, found := strings.Cut(a.Message, "--force")
		if err != nil || !found || strings.Count(before, `"`)%2 == 0 {
			t.Errorf("%s: %q, %v", name, a.Message, err)
		}
	}
}
