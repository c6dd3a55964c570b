package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever writes a digest chooses a path which a shell runs, also between the marks that a list has around it.
func TestAListWarnsOfPathsThatAShellRuns(t *testing.T) {
	t.Parallel()
	for path, strange := range map[tflock.Path]bool{
		"states/network/terraform.tfstate":             false,
		"states/dev/$(touch executed)/a":               true,
		"states/dev/`touch${IFS}executed`/a":           true,
		`states/dev/";touch${IFS}executed;"/a`:         true,
		"states/dev/';touch${IFS}executed;'/a":         true,
		"states/dev/x&calc/a":                          true,
		"states/env:/main/a,b=c+d~e@f/terraform.state": false,
	} {
		var out bytes.Buffer
		s := session{terminal: terminal{out: &out}}
		s.finding(policy.StateFinding{Type: policy.FindingDigestOrphan, Path: path, Fix: &policy.StateFix{Path: path, Action: policy.DeleteDigest}})
		if said := strings.Contains(out.String(), "never paste a path"); said != strange {
			t.Errorf("%s", out.String())
		}
	}
}
