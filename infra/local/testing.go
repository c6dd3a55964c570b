package local

import (
	"context"
	"fmt"
	"os"
)

// Main is a package's TestMain: it starts an AWS for all of its tests, and stops it.
func Main(m interface{ Run() int }, server **AWS) {
	started, err := Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	*server = started
	code := m.Run()
	started.Stop()
	os.Exit(code)
}

// tester is the part of a *testing.T that is needed, so that the demo does not link the
// package.
type tester interface {
	Helper()
	Context() context.Context
	Cleanup(f func())
	Fatal(args ...any)
}

// ForTest deploys the template into an AWS of the test's own.
func ForTest(t tester, parameters map[string]string) *Stack {
	t.Helper()
	server, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	stack, err := server.Deploy(t.Context(), "lockwarden", parameters)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}
