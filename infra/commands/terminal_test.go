package commands

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/lockwarden/lockwarden/infra/local"
)

// A field of a lock may have a Ctrl-D in it. Pasted into the terminal, that ends the text, and what is behind it answers the
// questions: it releases nothing, whatever it says, and a person who reads the question does.
func TestAPasteAnswersNoQuestion(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	for name, tc := range map[string]struct {
		behind   string // the Ctrl-D
		args     []string
		reads    bool // somebody reads the question
		releases bool
	}{
		"a reason and an answer in the text": {"laptop died\nyes\n", nil, false, false},
		"an answer where none was asked for": {"yes\n", []string{"--yes", "--reason=laptop died"}, false, false},
		"a person":                           {"", []string{"--reason=laptop died"}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aws := newAWS(t, found, released)
			cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", "./cmd/lockwarden", "unlock"}, tc.args...)...)
			cmd.Dir = local.Root()
			cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+aws.URL, "AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_CONFIG_FILE=/dev/null")
			file, err := pty.Start(cmd)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close() //nolint:errcheck // the command has ended
			s := &screen{file: file}
			s.until(t, "press Ctrl-D")
			s.types(t, "ID: x\rWho: deploy@team-a\r\x04"+strings.ReplaceAll(tc.behind, "\n", "\r"))
			if tc.reads {
				s.until(t, "releases it: ")
				s.types(t, regexp.MustCompile(`Only "([^"]+)" releases it`).FindStringSubmatch(s.shown)[1]+"\r")
			}
			s.until(t, "eleased") // or nothing was
			var code *exec.ExitError
			if err := cmd.Wait(); err != nil && !errors.As(err, &code) {
				t.Fatal(err)
			}
			if did := len(aws.requests) == 2; did != tc.releases {
				t.Errorf("it asked for %v\n%s", aws.requests, s.shown)
			}
		})
	}
}

// screen is the terminal of a command.
type screen struct {
	file  *os.File
	shown string
}

// until reads up to what a command shows.
func (s *screen) until(t *testing.T, text string) {
	t.Helper()
	for piece := make([]byte, 4096); !strings.Contains(s.shown, text); {
		n, err := s.file.Read(piece)
		s.shown += string(piece[:n])
		if err != nil {
			t.Fatalf("%v, and not %q:\n%s", err, text, s.shown)
		}
	}
}

func (s *screen) types(t *testing.T, text string) {
	t.Helper()
	if _, err := fmt.Fprint(s.file, text); err != nil {
		t.Fatal(err)
	}
}
