package backend_test

import (
	"io"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

// Whoever may write a prefix names the folders in it.
func TestAFolderWithALongNameHidesNothingThatIsSaidOfIt(t *testing.T) {
	t.Parallel()
	name := "states/" + strings.Repeat("é", 450) + "/"
	for what, said := range map[string]string{
		"too many locks":        backend.Crowd([]string{name, name, name, "states/d/"}),
		"an object that failed": (&backend.ObjectsError{Prefix: name, Err: &backend.Error{Store: "arn", Err: io.ErrUnexpectedEOF}}).Error(),
	} {
		if kept := said[:min(len(said), 600)]; !strings.Contains(kept, "was read") || strings.ToValidUTF8(said, "") != said {
			t.Errorf("%s: %s", what, said)
		}
	}
}

// Whoever may write one prefix fills any number of folders in it: those of others are named all the same.
func TestManyFoldersOfOnePrefixHideNoOther(t *testing.T) {
	t.Parallel()
	said := backend.Crowd([]string{"states/a/1/", "states/a/2/", "states/a/3/", "states/a/4/", "states/prod/"})
	if !strings.Contains(said, "states/prod/") || !strings.Contains(said, "and 2 more prefixes") {
		t.Error(said)
	}
}
