package local

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Part is something that make installs into .build and that only some tests need.
type Part string

// The parts, each by the file in .build that shows that it is installed.
const (
	Services   Part = "venv/bin/python"
	OpenTofu   Part = "bin/tofu"
	Terragrunt Part = "bin/terragrunt"
	Terraform  Part = "bin/" + terraform15
	SAMCommand Part = "sam/bin/sam"
	MiniStack  Part = "ministack/bin/python"
	AWSCommand Part = "awscli/aws"

	NodeEngines Part = "engines/done" // dynalite and s3rver
	Dynoxide    Part = "cargo/bin/dynoxide"
	Versitygw   Part = "bin/versitygw"
	SeaweedFS   Part = "bin/weed"
	LambdaRIE   Part = "bin/aws-lambda-rie"
)

// The values of LOCKWARDEN_TESTS with which a missing part is a failure.
const (
	// everything is set by `make test`, so that no test can be left out there but those with
	// the engines that take minutes to build.
	everything = "all"
	// withEngines is set by `make engines`, which runs these too, every night.
	withEngines = "engines"
)

// byEngines reports whether a part is installed by `make engines` alone.
func (p Part) byEngines() bool { return p == Dynoxide || p == Versitygw || p == SeaweedFS }

// lacking says which of these parts is not installed, and "" if all are.
func lacking(root string, parts []Part) Part {
	for _, p := range parts {
		if _, err := os.Stat(filepath.Join(root, ".build", filepath.FromSlash(string(p)))); err != nil {
			return p
		}
	}
	return ""
}

// Have reports whether a part is installed.
func Have(p Part) bool { return lacking(Root(), []Part{p}) == "" }

// leftOut is the line that says what was left out, and whether that is a failure.
func leftOut(missing Part, setting string) (line string, fail bool) {
	by := "make test"
	if missing.byEngines() {
		by = "make engines"
	}
	line = fmt.Sprintf("LEFT OUT: tests that need .build/%s, which is not installed. `%s` installs it and runs them.", missing, by)
	return line, setting == withEngines || (setting == everything && !missing.byEngines())
}

// Gate is the TestMain of a package whose tests all need these parts. Where one is not
// installed it runs none of them, and says so in one line. It stops the AWS that they share.
func Gate(m interface{ Run() int }, parts ...Part) {
	exitWithout(parts)
	code := m.Run()
	shared.stop()
	os.Exit(code)
}

// exitWithout ends the process where one of these parts is not installed. Go hides what a
// passing test binary prints, except for this warning: with it, `go test ./...` marks the
// package as [no tests to run].
func exitWithout(parts []Part) {
	missing := lacking(Root(), parts)
	if missing == "" {
		return
	}
	line, fail := leftOut(missing, os.Getenv("LOCKWARDEN_TESTS"))
	fmt.Println(line)
	if fail {
		os.Exit(1)
	}
	fmt.Println("testing: warning: no tests to run")
	os.Exit(0)
}

// announce prints that tests of this process are left out, once however many there are.
var announce = sync.OnceFunc(func() {
	fmt.Println("LEFT OUT: some tests of this package, since not everything is installed. `make test` runs every test.")
})

// Need leaves a test out where one of these parts is not installed. It is for packages
// that have other tests too.
func Need(t tester, parts ...Part) {
	t.Helper()
	need(t, Root(), os.Getenv("LOCKWARDEN_TESTS"), parts)
}

func need(t tester, root, setting string, parts []Part) {
	t.Helper()
	missing := lacking(root, parts)
	if missing == "" {
		return
	}
	line, fail := leftOut(missing, setting)
	if fail {
		t.Fatal(line)
		return
	}
	announce()
	t.Skip(line)
}
