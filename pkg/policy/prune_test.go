package policy_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// Only a state against which nothing speaks may go; and of several reasons the first in
// the order of precedence is said.
func TestMayPrune(t *testing.T) {
	reasons := []struct {
		reason policy.KeptReason
		set    func(f *policy.StateFacts)
	}{
		{policy.KeptProtected, func(f *policy.StateFacts) { f.Protected = true }},
		{policy.KeptUnversioned, func(f *policy.StateFacts) { f.Versioned = false }},
		{policy.KeptLocked, func(f *policy.StateFacts) { f.WhyLocked = "me" }},
		{policy.KeptUnreadable, func(f *policy.StateFacts) { f.Contents = tfstate.Summary{Why: "rubbish"} }},
		{policy.KeptEncrypted, func(f *policy.StateFacts) { f.Contents.Condition = tfstate.Encrypted }},
		{policy.KeptHasResources, func(f *policy.StateFacts) { f.Contents = tfstate.Summary{Condition: tfstate.HasResources, Managed: 3} }},
		{policy.KeptHasOutputs, func(f *policy.StateFacts) { f.Contents = tfstate.Summary{Condition: tfstate.HasOutputs, Outputs: 1} }},
		{policy.KeptNoDigest, func(f *policy.StateFacts) { f.WhyNoDigest = "no table has one" }},
		{policy.KeptDigestMismatch, func(f *policy.StateFacts) { f.MismatchedIn = "another" }},
		{policy.KeptChanged, func(f *policy.StateFacts) { f.WhyChanged = "written" }},
	}
	contents := map[policy.KeptReason]bool{policy.KeptUnreadable: true, policy.KeptEncrypted: true, policy.KeptHasResources: true, policy.KeptHasOutputs: true}
	rapid.Check(t, func(t *rapid.T) {
		f := policy.StateFacts{Versioned: true, Read: true, Contents: tfstate.Summary{Condition: tfstate.Empty}}
		var want policy.KeptReason
		judged := false // a state has one condition
		for _, r := range reasons {
			if !rapid.Bool().Draw(t, string(r.reason)) || (contents[r.reason] && judged) {
				continue
			}
			judged = judged || contents[r.reason]
			r.set(&f)
			if want == "" {
				want = r.reason
			}
		}
		ok, reason, why := policy.MayPrune(f)
		if ok != (want == "") || reason != want || why == "" {
			t.Fatalf("%+v: %v, %q (%s), want %q", f, ok, reason, why, want)
		}
	})
	if ok, reason, _ := policy.MayPrune(policy.StateFacts{}); ok || reason != policy.KeptUnversioned {
		t.Error("facts that nobody gathered must keep a state")
	}
	if ok, reason, _ := policy.MayPrune(policy.StateFacts{Versioned: true, WhyChanged: "gone"}); ok || reason != policy.KeptChanged {
		t.Error("a state that was not read must be kept as changed")
	}
	if ok, _, _ := policy.MayPrune(policy.StateFacts{Versioned: true, WhySealed: "AccessDenied", Contents: tfstate.Summary{Condition: tfstate.Empty}}); ok {
		t.Error("bytes that could not be had must keep a state")
	}
}

func TestParsePaths(t *testing.T) {
	for name, tc := range map[string]struct {
		text     string
		prefixes []string
		match    []string
		not      []string
		wrong    string
	}{
		"the defaults": {
			"branches/**,feature-branches/**,env:/*/branches/**,!**/main/**,!**/master/**",
			[]string{"branches/", "env:/", "feature-branches/"},
			[]string{"branches/a", "branches/a/b.tfstate", "env:/x/branches/a", "branches/mainly/a", "branches/main.tfstate"},
			[]string{"main/a", "env:/x/main/a", "xbranches/a", "branches/a.tflock", "branches/main/a", "branches/x/master/a/b", "env:/main/branches/a"},
			"",
		},
		"an exclusion counts wherever it stands": {"!a/b/**,a/**", []string{"a/"}, []string{"a/c"}, []string{"a/b/c", "a/b"}, ""},
		"an exclusion is not listed":             {"a/x/**,!a/**", []string{"a/x/"}, nil, []string{"a/x/y"}, ""},
		"a ! inside a glob is a character":       {"a/{!b,c}", []string{"a/"}, []string{"a/!b", "a/c"}, []string{"a/b"}, ""},
		"an escaped ! is a character":            {`\!a/*`, []string{""}, []string{"!a/b"}, []string{"a/b"}, ""},
		"a prefix within another is listed once": {"a/**, a/b/**,ab/*", []string{"a/", "ab/"}, []string{"a/b/c", "ab/c"}, []string{"ab/c/d"}, ""},
		"a glob from the start lists everything": {"**/branches/**,a/**", []string{""}, []string{"x/branches/y", "a/b"}, []string{"x/y"}, ""},
		"a comma in braces belongs to the glob":  {"{a,b}/*", []string{""}, []string{"a/x", "b/x"}, []string{"c/x"}, ""},
		"one key is a glob too":                  {"a/b.tfstate", []string{"a/b.tfstate"}, []string{"a/b.tfstate"}, []string{"a/b.tfstate2"}, ""},
		"none":                                   {" , ", nil, nil, []string{"", "a"}, ""},
		"a glob that is not valid":               {"a/[,b/**", []string{"b/"}, []string{"b/x"}, nil, `"a/["`},
		"a leading slash matches no key":         {"/branches/**", nil, nil, nil, "/branches/**"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := policy.ParsePaths(tc.text)
			if (err == nil) != (tc.wrong == "") || (err != nil && !strings.Contains(err.Error(), tc.wrong)) {
				t.Fatalf("error %v", err)
			}
			if !slices.Equal(p.Prefixes(), tc.prefixes) {
				t.Errorf("prefixes %q", p.Prefixes())
			}
			for _, key := range tc.match {
				if !p.Match(key) {
					t.Errorf("%q does not match", key)
				}
			}
			for _, key := range tc.not {
				if p.Match(key) {
					t.Errorf("%q matches", key)
				}
			}
		})
	}
}
