package local

import (
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
