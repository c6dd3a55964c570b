package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// result is a test that only says how it ended.
type result struct {
	*testing.T
	ended string
}

func (r *result) Fatal(args ...any) { r.ended = "failed: " + fmt.Sprint(args...) }
func (r *result) Skip(args ...any)  { r.ended = "left out: " + fmt.Sprint(args...) }

func TestWhatNeedsAMissingPart(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, ".build", "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, ".build", string(OpenTofu)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		setting string
		parts   []Part
		want    string
	}{
		"everything is there":                 {"", []Part{OpenTofu}, ""},
		"one part is missing":                 {"", []Part{OpenTofu, Services}, "left out: "},
		"a setting that nobody knows":         {"some", []Part{Services}, "left out: "},
		"one part is missing under make test": {"all", []Part{OpenTofu, Services}, "failed: "},
		"an engine that takes minutes to build is missing under make test":    {"all", []Part{Versitygw}, "left out: "},
		"an engine that takes minutes to build is missing under make engines": {"engines", []Part{Versitygw}, "failed: "},
		"everything is there under make test":                                 {"all", []Part{OpenTofu}, ""},
		"nothing is needed, nothing installed":                                {"all", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &result{T: t}
			need(r, root, tc.setting, tc.parts)
			if !strings.HasPrefix(r.ended, tc.want) || (tc.want == "") != (r.ended == "") {
				t.Errorf("ended as %q", r.ended)
			}
			if tc.want != "" && (!strings.Contains(r.ended, string(tc.parts[len(tc.parts)-1])) || !strings.Contains(r.ended, "`make ")) {
				t.Errorf("does not say what is missing and what to do: %q", r.ended)
			}
		})
	}
}
