package local

import (
	"context"
	"fmt"
	"os"
	"sync"
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

// ForTest deploys a stack of the test's own, with its own stores, topic and ledger. All stacks of a package
// are deployed into one AWS, which its TestMain stops (see Gate): to start one for each takes longer
// than to deploy. Where none is installed, it leaves the test out.
func ForTest(t tester, parameters map[string]string) *Stack {
	t.Helper()
	Need(t, Services)
	server, err := shared.start()
	if err != nil {
		t.Fatal(err)
	}
	stack, err := server.Deploy(t.Context(), shared.name(), parameters)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

// shared is the AWS of all tests of a package that do not need their own.
var shared sharedAWS

type sharedAWS struct {
	mu     sync.Mutex
	aws    *AWS // nil: nobody has needed it
	stacks int
}

func (s *sharedAWS) start() (*AWS, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aws != nil {
		return s.aws, nil
	}
	var err error
	s.aws, err = Start()
	return s.aws, err
}

// name is that of the next stack.
func (s *sharedAWS) name() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stacks++; s.stacks == 1 {
		return "lockwarden"
	}
	return fmt.Sprintf("lockwarden-%d", s.stacks)
}

func (s *sharedAWS) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aws != nil {
		s.aws.Stop()
	}
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
