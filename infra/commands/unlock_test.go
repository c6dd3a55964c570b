package commands

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

// fakeAWS stands for the AWS CLI: it notes the payload of an invocation beside itself, and
// answers what ANSWER says.
const fakeAWS = `#!/bin/sh
if [ "$1" = cloudformation ]; then echo "function-of-$4"; exit; fi
printf '%s\n' "$*" > "${0%/*}/called"
while [ $# -gt 1 ]; do case $1 in --payload) cat "${2#fileb://}" > "${0%/*}/payload";; esac; shift; done
printf '%s' "$ANSWER" > "$1"
echo '{"StatusCode": 200}'
`

// shop is a folder with the Makefile, what unlock needs of the repository, and the fake
// on PATH.
func shop(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"Makefile", "infra/tools/unlock.py"} {
		content, err := os.ReadFile(filepath.Join(local.Root(), filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, filepath.FromSlash(name)), string(content), 0o600)
	}
	write(t, filepath.Join(dir, "bin", "aws"), fakeAWS, 0o700)
	return dir
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// unlock runs `make unlock` in the shop and gives the request that arrived.
func unlock(t *testing.T, dir, answer, stdin string, environment []string, args ...string) (request map[string]any, printed string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory", "unlock"}, args...)...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), append(environment, "ANSWER="+answer, "USER=somebody", "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "MAKEFLAGS=", "MAKELEVEL=0")...)
	out, err := cmd.CombinedOutput()
	if payload, readErr := os.ReadFile(filepath.Join(dir, "bin", "payload")); readErr == nil {
		if jsonErr := json.Unmarshal(payload, &request); jsonErr != nil {
			t.Fatalf("the payload is not JSON: %v\n%s", jsonErr, payload)
		}
	}
	return request, string(out), err
}

const released = `{"outcome":"released","message":"Released."}`

func TestMakeUnlockTakesTextAsItIs(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	pasted, err := os.ReadFile(filepath.Join("testdata", "make-metacharacters.txt"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{
		"a client's error with $(shell …) in it": strings.TrimSpace(string(pasted)),
		"what make, shells and Python read":      "$5 $$5 ${HOME} $(HOME) $(eval $(shell touch executed)) `touch executed` # no comment \\\n\t\"quoted\" 'single' %s {0} ; touch executed & é",
		"an ID":                                  "78007e4f-7284-5b8c-b34c-620445a03e9c",
	}
	for name, text := range texts {
		for way, give := range map[string]func() (string, []string, []string){
			"as arguments":        func() (string, []string, []string) { return "", nil, []string{"LOCK_ID=" + text, "REASON=" + text} },
			"in the environment":  func() (string, []string, []string) { return "", []string{"LOCK_ID=" + text, "REASON=" + text}, nil },
			"from standard input": func() (string, []string, []string) { return text, nil, []string{"REASON=" + text} },
			"with make -e as well": func() (string, []string, []string) {
				return "", []string{"LOCK_ID=" + text, "REASON=" + text}, []string{"-e"}
			},
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				dir := shop(t)
				stdin, environment, args := give()
				request, printed, err := unlock(t, dir, released, stdin, environment, args...)
				if err != nil {
					t.Fatalf("%v\n%s", err, printed)
				}
				if request["lock_id"] != text || request["reason"] != text {
					t.Errorf("unlock was asked for %q because of %q, and not for %q", request["lock_id"], request["reason"], text)
				}
				if request["requested_by"] != "somebody" || request["force"] != false || request["dry_run"] != false {
					t.Errorf("nobody asked for that: %v", request)
				}
				executed(t, dir)
			})
		}
	}
}

// make puts every variable of its command line into the environment of what it runs.
func TestMakeUnlockExpandsNoVariableThatItDoesNotKnow(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	dir := shop(t)
	if _, printed, err := unlock(t, dir, released, "", nil, "LOCKID=$(shell touch executed)", "LOCK_ID=x", "REASON=r"); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	executed(t, dir)
}

func executed(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "executed")); err == nil {
		t.Error("a command in the pasted text ran")
	}
}

func TestMakeUnlockSaysWhetherTheLockIsGone(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	for name, c := range map[string]struct {
		answer string
		fails  bool
	}{
		"released":                  {released, false},
		"a dry run that would":      {`{"outcome":"would_release"}`, false},
		"refused":                   {`{"outcome":"refused","message":"too young"}`, true},
		"an error of the function":  {`{"errorMessage":"lock_id is empty","errorType":"x"}`, true},
		"one half is not known yet": {`{"outcome":"partial"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, printed, err := unlock(t, shop(t), c.answer, "", nil, "LOCK_ID=x", "REASON=y")
			if (err != nil) != c.fails {
				t.Errorf("make unlock ended with %v\n%s", err, printed)
			}
			var said, want any
			end := strings.LastIndex(printed, "}")
			if err := errors.Join(json.Unmarshal([]byte(printed[:end+1]), &said), json.Unmarshal([]byte(c.answer), &want)); err != nil || !reflect.DeepEqual(said, want) {
				t.Errorf("the answer was not printed: %v\n%s", err, printed)
			}
		})
	}
}

func TestMakeUnlockWithoutALockInvokesNothing(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	request, printed, err := unlock(t, shop(t), released, " \n", nil, "REASON=y")
	if err == nil || request != nil || !strings.Contains(printed, "say which lock") {
		t.Errorf("without a lock: %v, %v\n%s", request, err, printed)
	}
}

func TestMakeUnlockGoesToTheNamedStack(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	for stack, arg := range map[string][]string{"lockwarden": nil, "other": {"STACK=other"}, "$(shell touch executed)": {"STACK=$(shell touch executed)"}} {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			dir := shop(t)
			_, printed, err := unlock(t, dir, released, "", nil, append(arg, "LOCK_ID=x", "REASON=y", "FORCE=true", "DRY_RUN=true")...)
			called, readErr := os.ReadFile(filepath.Join(dir, "bin", "called"))
			if err != nil || readErr != nil || !strings.Contains(string(called), "--function-name function-of-"+stack+" ") {
				t.Errorf("%v, %v, called %q\n%s", err, readErr, called, printed)
			}
			executed(t, dir)
		})
	}
}
