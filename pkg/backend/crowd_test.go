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
