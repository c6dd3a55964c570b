package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/lockwarden/lockwarden/infra/local"
)

// A field of a lock may have any control character in it. Pasted into the terminal, it ends nothing, and what is behind it
// answers no question and is no command of the shell that comes after.
func TestAPasteIsTextAlone(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	program := build(t)
	for name, signs := range map[string]string{"Ctrl-D": "\x04", "Ctrl-D twice": "\x04\x04", "Ctrl-C": "\x03", "Ctrl-Z": "\x1a", `Ctrl-\`: "\x1c", "Ctrl-U, which erases a line": "\x15", "Ctrl-V": "\x16"} {
		for _, args := range []string{"", "--yes --reason=dead"} {
			t.Run(name+" "+args, func(t *testing.T) {
				t.Parallel()
				aws := newAWS(t, found, released)
				s := start(t, aws, "sh", "-c", "trap : INT QUIT TSTP; "+program+" unlock "+args+`; printf 'shell:'; read rest; echo "the shell was given $rest, and that is all"`)
				s.until(t, "press Ctrl-D")
				const before, behind = "ID: x\nWho: deploy@team-a\n", "laptop died\nyes\ntouch hacked\n"
				s.types(t, strings.ReplaceAll(before+signs+"\n"+behind, "\n", "\r"))
				s.types(t, "\x04")
				if args == "" {
					s.until(t, "safe to release it?")
					s.types(t, "dead\r")
				}
				s.until(t, "releases it: ")
				s.types(t, "no\r")
				s.until(t, "shell:")
				s.types(t, "nothing\r")
				s.until(t, "the shell was given nothing, and that is all")
				if len(aws.requests) != 1 || aws.requests[0]["lock_id"] != before+signs+"\n"+behind {
					t.Errorf("it asked for %q\n%s", aws.requests, s.shown)
				}
			})
		}
	}
}

// The line to a terminal may stall in the middle of a paste, behind such a sign as well as anywhere else.
func TestAPasteThatStallsIsTextAlone(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	program := build(t)
	for name, sign := range map[string]string{"Ctrl-D": "\x04", "Ctrl-C": "\x03"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aws := newAWS(t, found, released)
			s := start(t, aws, "sh", "-c", "trap : INT; "+program+` unlock --reason=dead; printf 'shell:'; read rest; echo "the shell was given $rest, and that is all"`)
			s.until(t, "\x1b[?2004h") // it asks the terminal to show where a paste begins and ends
			s.until(t, "press Ctrl-D")
			s.types(t, "\x1b[200~ID: x\rWho: deploy@team-a"+sign)
			s.until(t, "deploy@team-a")
			time.Sleep(time.Second) // the stall
			s.types(t, "\rtouch hacked\r\x1b[201~")
			s.until(t, "touch hacked")
			s.types(t, "\x04")
			s.until(t, "releases it: ")
			s.types(t, "no\r")
			s.until(t, "shell:")
			s.types(t, "nothing\r")
			s.until(t, "the shell was given nothing, and that is all")
			if want := "ID: x\nWho: deploy@team-a" + sign + "\ntouch hacked\n"; len(aws.requests) != 1 || aws.requests[0]["lock_id"] != want {
				t.Errorf("it asked for %q\n%s", aws.requests, s.shown)
			}
		})
	}
}

// The rest of a paste that is too long, and stalls, goes nowhere either.
func TestAPasteThatIsTooLongAndStallsIsTextAlone(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	aws := newAWS(t, found, released)
	s := start(t, aws, "sh", "-c", build(t)+` unlock --reason=dead; printf 'shell:'; read rest; echo "the shell was given $rest, and that is all"`)
	s.until(t, "press Ctrl-D")
	s.types(t, "\x1b[200~ID: x\rWho: deploy@team-a")
	for range 300 {
		s.types(t, strings.Repeat("\x01", 4096)) // which shows nothing
	}
	time.Sleep(time.Second) // the stall
	s.types(t, "\rtouch hacked\r\x1b[201~")
	s.until(t, "paste only the error")
	s.until(t, "shell:")
	s.types(t, "nothing\r")
	s.until(t, "the shell was given nothing, and that is all")
}

// What is pasted as an answer, such as a reason from a ticket, is text as well: nothing in it ends the program and leaves what is
// behind it to the shell, and no line of it answers the next question, also where the line to the terminal stalls.
func TestAPastedAnswerIsTextAlone(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	program := build(t)
	for name, sign := range map[string]string{"Ctrl-D": "\x04\x04", "Ctrl-C": "\x03", "Ctrl-Z": "\x1a", `Ctrl-\`: "\x1c", "a line's end": "\r"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aws := newAWS(t, found, released)
			s := start(t, aws, "sh", "-c", "trap : INT QUIT TSTP; "+program+` unlock x; printf 'shell:'; read rest; echo "the shell was given $rest, and that is all"`)
			s.until(t, "safe to release it? ")
			s.types(t, "\x1b[200~laptop died"+sign)
			s.until(t, "laptop died")
			time.Sleep(time.Second) // the stall
			s.types(t, "\ryes\rtouch hacked\r\x1b[201~")
			s.until(t, "touch hacked")
			s.until(t, "releases it: ")
			s.types(t, "no\r")
			s.until(t, "shell:")
			s.types(t, "nothing\r")
			s.until(t, "the shell was given nothing, and that is all")
			if len(aws.requests) != 1 {
				t.Errorf("it asked for %q\n%s", aws.requests, s.shown)
			}
		})
	}
}

// What is pasted before it is asked for, while the function takes its time, is no command of the shell either.
func TestAPasteThatComesTooEarlyIsTextAlone(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	program := build(t)
	for name, sign := range map[string]string{"Ctrl-C": "\x03", "Ctrl-Z": "\x1a", `Ctrl-\`: "\x1c"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aws := newAWS(t, found, released)
			aws.mu.Lock()
			s := start(t, aws, "sh", "-c", "trap : INT QUIT TSTP; "+program+` unlock x; printf 'shell:'; read rest; echo "the shell was given $rest, and that is all"`)
			s.until(t, "waiting for")
			s.types(t, "laptop died"+sign+"\rtouch hacked\r")
			aws.mu.Unlock()
			if sign != "\x03" {
				s.until(t, "safe to release it? ")
				s.types(t, "\x03")
			}
			s.until(t, "shell:")
			s.types(t, "nothing\r")
			s.until(t, "the shell was given nothing, and that is all")
			if len(aws.requests) != 1 {
				t.Errorf("it asked for %q\n%s", aws.requests, s.shown)
			}
		})
	}
}

// Nor does what is behind such a sign answer a question where another program reads the terminal, and ends there.
func TestAPasteIntoAPipeAnswersNoQuestion(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	aws := newAWS(t, found, released)
	s := start(t, aws, "sh", "-c", "cat | "+build(t)+" unlock")
	s.types(t, "ID: x\rWho: deploy@team-a\r\x04laptop died\ryes\ryes")
	s.until(t, "safe to release it? ")
	s.types(t, "I do not know\r")
	s.until(t, "releases it: ")
	s.types(t, "\r")
	if code := s.ends(t); code != 8 || len(aws.requests) != 1 {
		t.Errorf("it ended with %d, and asked for %v\n%s", code, aws.requests, s.shown)
	}
}

func TestAPersonAtTheTerminal(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	program := build(t)
	answer := func(s *screen, t *testing.T) {
		t.Helper()
		s.until(t, "releases it: ")
		s.types(t, regexp.MustCompile(`Only "([^"]+)" releases it`).FindStringSubmatch(s.shown)[1]+"\r")
	}
	for name, tc := range map[string]struct {
		does func(s *screen, t *testing.T)
		asks string // for what the function is asked first
		code int
	}{
		"pastes a text and answers with the word": {func(s *screen, t *testing.T) {
			t.Helper()
			s.types(t, "ID: x\r\x04")
			answer(s, t)
		}, "ID: x\n", 0},
		"corrects what was typed": {func(s *screen, t *testing.T) {
			t.Helper()
			s.types(t, "ID: ü")
			s.until(t, "ID: ü")
			s.types(t, "\x7f")
			s.until(t, "\b \b")
			s.types(t, "x\r\x04")
			answer(s, t)
		}, "ID: x\n", 0},
		"begins the line again": {func(s *screen, t *testing.T) {
			t.Helper()
			s.types(t, "it is ü")
			s.until(t, "it is ü")
			s.types(t, "\x15")
			s.until(t, strings.Repeat("\b \b", len("it is u")))
			s.types(t, "ID: x\r\x04")
			answer(s, t)
		}, "ID: x\n", 0},
		"answers with yes alone": {func(s *screen, t *testing.T) {
			t.Helper()
			s.types(t, "ID: x\r\x04")
			s.until(t, "releases it: ")
			s.types(t, "yes\r")
		}, "ID: x\n", 8},
		"presses Ctrl-C in place of a text": {func(s *screen, t *testing.T) {
			t.Helper()
			s.types(t, "\x03")
		}, "", 8},
		"presses Ctrl-C at a question": {func(s *screen, t *testing.T) {
			t.Helper()
			s.types(t, "ID: x\r\x04")
			s.until(t, "releases it: ")
			s.types(t, "\x03")
		}, "ID: x\n", 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aws := newAWS(t, found, released)
			s := start(t, aws, program, "unlock", "--reason=laptop died")
			s.until(t, "press Ctrl-D")
			tc.does(s, t)
			if code := s.ends(t); code != tc.code {
				t.Errorf("it ended with %d, want %d", code, tc.code)
			}
			asked := len(aws.requests) > 0
			if asked != (tc.asks != "") || asked && aws.requests[0]["lock_id"] != tc.asks || (len(aws.requests) == 2) != (tc.code == 0) {
				t.Errorf("it asked for %v\n%s", aws.requests, s.shown)
			}
		})
	}
}

func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "lockwarden")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/lockwarden")
	cmd.Dir = local.Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// screen is the terminal of a command.
type screen struct {
	cmd   *exec.Cmd
	file  *os.File
	shown string
}

func start(t *testing.T, aws *awsStandIn, name string, args ...string) *screen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a command that waits for something else fails the test
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+aws.URL, "AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_CONFIG_FILE=/dev/null")
	file, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() }) //nolint:errcheck // the command has ended
	return &screen{cmd: cmd, file: file}
}

// until reads up to what a command shows.
func (s *screen) until(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(s.shown, text) {
		if err := s.read(); err != nil {
			t.Fatalf("%v, and not %q:\n%s", err, text, s.shown)
		}
	}
}

func (s *screen) read() error {
	piece := make([]byte, 4096)
	n, err := s.file.Read(piece)
	s.shown += string(piece[:n])
	return err
}

// ends waits until the command has ended.
func (s *screen) ends(t *testing.T) (code int) {
	t.Helper()
	for s.read() == nil { //nolint:revive // its output fits no buffer otherwise
	}
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *screen) types(t *testing.T, text string) {
	t.Helper()
	if _, err := fmt.Fprint(s.file, text); err != nil {
		t.Fatal(err)
	}
}
