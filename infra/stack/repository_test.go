package stack_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/lockwarden/lockwarden/infra/local"
)

// The front door stays one that people read: what it does not say is in docs.
func TestTheREADMEHasAtMost700Words(t *testing.T) {
	t.Parallel()
	words := 0
	for word := range strings.FieldsSeq(read(t, "README.md")) {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			words++
		}
	}
	if words > 700 {
		t.Errorf("README.md has %d words", words)
	}
}

// Whoever clones gets sources: what `go build` leaves behind is tens of megabytes, and runs.
func TestNothingThatWasBuiltIsTracked(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z")
	cmd.Dir = local.Root()
	list, err := cmd.Output()
	check(t, err)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		file, err := os.Open(filepath.Join(local.Root(), name)) //nolint:gosec // a file of this repository
		if os.IsNotExist(err) {
			continue // it is being removed
		}
		check(t, err)
		magic := make([]byte, 4)
		_, _ = io.ReadFull(file, magic)
		check(t, file.Close())
		for _, built := range []string{"\x7fELF", "\xcf\xfa\xed\xfe", "MZ\x90\x00"} {
			if bytes.Equal(magic, []byte(built)) {
				t.Errorf("%s is a program: remove it with `git rm --cached`", name)
			}
		}
	}
}
