package server

import (
	"context"

	"github.com/lockwarden/lockwarden/infra/local"
)

// tester is the part of a *testing.T that is needed, so that `make engines` does not link the package.
type tester interface {
	Helper()
	Context() context.Context
	Cleanup(f func())
	Fatal(args ...any)
	Skip(args ...any)
	TempDir() string
}

// StartForTest runs an engine until the test ends. Where it is not installed, it leaves the test out.
func StartForTest(t tester, k Kind) *Server {
	t.Helper()
	local.Need(t, k.Installed)
	s, err := Start(t.Context(), k, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}
