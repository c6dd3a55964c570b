package local

import (
	"context"
	"fmt"
	"os"
)

// Main is the TestMain of a package that shares one AWS between its tests: it starts it,
// and stops it. Where `make setup` has not been run, it leaves out the tests of the
// package, see Gate.
func Main(m interface{ Run() int }, server **AWS) {
	exitWithout([]Part{Services, OpenTofu})
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
	Skip(args ...any)
}

// ForTest deploys the template into an AWS of the test's own. Where none is installed, it
// leaves the test out.
func ForTest(t tester, parameters map[string]string) *Stack {
	t.Helper()
	stack, err := StartForTest(t).Deploy(t.Context(), "lockwarden", parameters)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

// StartForTest starts an AWS of the test's own. Where none is installed, it leaves the
// test out.
func StartForTest(t tester) *AWS {
	t.Helper()
	Need(t, Services)
	server, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}
