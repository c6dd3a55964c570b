package tflock_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func TestBoundedID(t *testing.T) {
	for name, id := range map[string]string{"a client's ID": "78007e4f-7284-5b8c-b34c-620445a03e9c", "none": "", "the longest": strings.Repeat("x", tflock.MaxID)} {
		if got := tflock.BoundedID(id); got != id {
			t.Errorf("%s became %q", name, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		long := strings.Repeat(rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "part"), rapid.IntRange(400, 2000).Draw(t, "times"))
		name := tflock.BoundedID(long)
		switch {
		case len(name) > tflock.MaxID:
			t.Fatalf("%d bytes", len(name))
		case tflock.BoundedID(name) != name:
			t.Fatalf("the name of %q is another one", name)
		case tflock.BoundedID(strings.Clone(long)) != name:
			t.Fatal("equal IDs have different names")
		case len(long) > tflock.MaxID && tflock.BoundedID(long+"x") == name:
			t.Fatal("different IDs have one name")
		}
	})
}
