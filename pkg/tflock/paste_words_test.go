package tflock_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Texts of which a person reads the lock of their writer, and which name another one: no reading
// that is exact catches them all, so that what looks like the ID of a lock is looked for.
func TestATextShowsTheIDOfAnotherLock(t *testing.T) {
	const letters = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	hidden := "\nmodule.x: Refreshing state...\nstate={\"lock_id\":\"" + other + "\",\"path\":\"b/prod/x\"}\n"
	for name, text := range map[string]string{
		"a sentence":                    "Lock ID " + own + " of a-team/terraform.tfstate (stuck since 09:12, runner@fv-az1)" + hidden,
		"a sentence without a label":    "the lock " + own + " of a-team is stuck" + hidden,
		"the lock comes behind":         own + " is stuck, please unlock it" + hidden,
		"an ID of 35 characters":        "Lock ID " + own[:35] + " of a-team" + hidden,
		"an ID with a g":                "Lock ID " + own[:35] + "g of a-team" + hidden,
		"an ID without a digit":         "terraform force-unlock " + letters + hidden,
		"an ID with words, no UUID":     "Lock ID lock-of-a-team" + hidden,
		"an ID with another alphabet":   "lock ID \u0430aaaaaaa-1111 of a-team" + hidden,
		"an equals sign":                "lock:\n  ID = " + own + "\n  Path = b/a-team/x" + hidden,
		"a dash":                        "Lock Info\n  ID - " + own + hidden,
		"one line":                      "Lock Info ID: " + own + " Path: b/a-team/x" + hidden,
		"the dashboard's form":          "b/a-team/x\nId " + own + hidden,
		"an object with its ID alone":   `{"ID":"` + own + `"}` + hidden,
		"an object in an object":        `{"lock":{"id":"` + own + `","state":"b/a-team/x"}}` + hidden,
		"an object in broken JSON":      `{"ID":"` + own + `","Who":"\q"}` + hidden,
		"a message beside a lock":       `{"message":"Error: lock ` + own + ` of b/a-team/x","lock":{"id":"` + other + `","path":"b/prod/x"}}`,
		"a message within a lock":       `{"ID":"` + other + `","Path":"b/prod/x","message":"lock ` + own + ` on b/a-team/x is stuck, release it"}`,
		"a holder that names another":   "Lock ID: " + other + "\nHeld by: x, Lock ID " + own,
		"flags before the ID":           "terraform force-unlock -force " + letters + hidden,
		"our command for another prose": "unlock this: " + own + hidden,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref, err := tflock.ParseReference(text)
			if err == nil && tflock.ShownOther(text, ref.ID) == "" {
				t.Errorf("it names %s, and nothing else is seen in it", ref.ID)
			}
		})
	}
}

// What clients, CI systems and chats really print shows one lock.
func TestPastesShowOneLock(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d pastes, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := tflock.ParseReference(string(text))
		if err != nil {
			t.Fatal(err)
		}
		if shown := tflock.ShownOther(string(text), ref.ID); shown != "" {
			t.Errorf("%s: %s counts as another lock", file, shown)
		}
	}
}

func TestWhetherATextShowsALock(t *testing.T) {
	block := "Lock Info:\n  ID:        " + other + "\n  Path:      b/prod/terraform-2024-module.tfstate\n  Created:   2026-11-23 07:06:04.85961561 +0000 UTC\n"
	for name, tc := range map[string]struct {
		behind, id string
		want       bool
	}{
		"its ID":                                {own, own, true},
		"its ID in capitals":                    {"AAAAAAAA-1111-2222-3333-444444444444", own, true},
		"an ID with a blank at its end":         {own, own + " ", true},
		"an ID with an invisible character":     {own, own + "\u200b", true},
		"an ID with a colon":                    {own, own + ":", true},
		"an ID of 35 characters":                {own[:35], own[:35], true},
		"an ID of words":                        {"it is a-lock-of-mine", "a-lock-of-mine", true},
		"behind an escaped newline":             {`{"m":"x\n` + own + `"}`, own, true},
		"one that is not in the text":           {"x", own, false},
		"the lock that the text names":          {own, other, false},
		"a copy of it with a blank at its end":  {own, other + " ", false},
		"the ID of a request":                   {"RequestID: " + own[:35], own[:35], false},
		"a part of the path":                    {"x", "terraform-2024-module.tfstate", false},
		"a part of a path elsewhere":            {"in b/feature-0123-my-branch/x", "feature-0123-my-branch", false},
		"a flag of our command":                 {"--cli-binary-format raw-in-base64-out", "raw-in-base64-out", false},
		"a word that no reader takes for an ID": {"x", "operationtypeapply", false},
		"a time":                                {"x", "2026-11-23T07:06:04", false},
		"nothing":                               {"x", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tflock.WordsOf(block+tc.behind, other).Show(tc.id); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
