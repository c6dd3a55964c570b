package commands

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(local.Root(), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// timeouts are those of the template's functions.
func timeouts(t *testing.T) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, found := range regexp.MustCompile(`(?m)^  (\w+)Function:\n(?:    .*\n|\n)*?      Timeout: (\d+)`).FindAllStringSubmatch(read(t, "template.yaml"), -1) {
		seconds, err := strconv.Atoi(found[2])
		if err != nil {
			t.Fatal(err)
		}
		all[strings.ToLower(found[1])] = seconds
	}
	if len(all) < 5 {
		t.Fatalf("the template's functions are not found: %v", all)
	}
	return all
}

// printing are the files with commands that people see: pages, templates, samples, goldens.
// An older template stays as it was.
func printing(t *testing.T) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard", "Makefile", "*.md", "*.yaml", "*.golden", "events/*.json", "*.toml")
	cmd.Dir = local.Root()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range strings.FieldsSeq(string(out)) {
		if _, err := os.Stat(filepath.Join(local.Root(), name)); err == nil && name != "infra/stack/testdata/previous.yaml" {
			names = append(names, name)
		}
	}
	return names
}

// versionTwo are commands that version 1 of the AWS CLI does not have.
var versionTwo = regexp.MustCompile(`aws lambda invoke |aws logs tail `)

// truncating are commands of the AWS CLI whose output file is standard output.
var truncating = regexp.MustCompile("\\baws [^\n`]*/dev/(stdout|fd/1)")

func TestEveryPrintedCommandWorksAsItIsPasted(t *testing.T) {
	t.Parallel()
	limits, found := timeouts(t), map[string]int{}
	for _, name := range printing(t) {
		text := read(t, name)
		for _, command := range invocations(text) {
			found[filepath.Ext(name)]++
			if why := fault(command, limits); why != "" {
				t.Errorf("%s prints a command that does not work: %s\n\t%s", name, why, command)
			}
		}
		if command := truncating.FindString(text); command != "" {
			t.Errorf("%s prints a command that truncates the log to which its output goes: %s", name, command)
		}
		if versionTwo.MatchString(text) && !strings.Contains(text, "AWS CLI v2") {
			t.Errorf("%s prints a command that needs AWS CLI v2, and does not say so", name)
		}
	}
	for _, kind := range []string{".md", ".yaml", ".golden", ".json"} {
		if found[kind] == 0 {
			t.Errorf("no command was found in any %s file: the search is wrong", kind)
		}
	}
}

func TestAFaultyCommandIsFound(t *testing.T) {
	t.Parallel()
	limits := map[string]int{"unlock": 120, "prune": 900}
	const good = `aws lambda invoke --function-name PRUNE --cli-read-timeout 930 --cli-binary-format raw-in-base64-out --payload '{"dry_run":true}' ` + answer
	if why := fault(good, limits); why != "" {
		t.Error(why)
	}
	for name, bad := range map[string]string{
		"the CLI's own 60 s":                  strings.Replace(good, "--cli-read-timeout 930 ", "", 1),
		"less than the function takes":        strings.Replace(good, "930", "150", 1),
		"as long as the function takes":       strings.Replace(good, "930", "900", 1),
		"a payload that is taken for base64":  strings.Replace(good, "--cli-binary-format raw-in-base64-out ", "", 1),
		"a log that is truncated":             strings.Replace(good, answer, "/dev/stdout", 1),
		"a function that is not there":        strings.Replace(good, "PRUNE", "SWEEP", 1),
		"a second command after the answer's": good + "; rm -f $lockwarden",
	} {
		if why := fault(bad, limits); why == "" {
			t.Errorf("%s was not found: %s", name, bad)
		}
	}
	for _, written := range []string{
		strings.NewReplacer(`"`, `\"`, ">", `\u003e`, "&", `\u0026`).Replace(good),                   // in JSON
		strings.NewReplacer(`"`, `\\\"`, ">", `\\u003e`, "&", `\\u0026`).Replace(good),               // in JSON in JSON
		strings.NewReplacer(`"`, `\"`, ">", "&gt;", "&", "&amp;").Replace(good),                      // in Slack's blocks
		strings.NewReplacer("${", "${!", " --payload", "\n      --payload").Replace(good) + "\n  X:", // in the template
	} {
		if got := invocations(written); len(got) != 1 || got[0] != good {
			t.Errorf("%q was read as %q", written, got)
		}
	}
}

// TestAPrintedCommandInShells runs the command of an alert with the real AWS CLI v2.
func TestAPrintedCommandInShells(t *testing.T) {
	local.Need(t, local.AWSCommand)
	t.Parallel()
	commands := invocations(read(t, "pkg/alert/testdata/lock-stuck.golden"))
	if len(commands) == 0 {
		t.Fatal("the alert's sample has no command")
	}
	const said = `{"outcome":"released"}`
	for _, shell := range []string{"bash", "sh", "zsh"} {
		if _, err := exec.LookPath(shell); err != nil && shell == "zsh" { // macOS has it; what is true in it is true in the others
			t.Log("zsh is not on this machine")
			continue
		}
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			var calls, status atomic.Int32
			status.Store(http.StatusOK)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				if status.Load() != http.StatusOK {
					w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
				}
				w.WriteHeader(int(status.Load()))
				_, _ = fmt.Fprint(w, said) // a client that is gone is found by what it printed
			}))
			defer server.Close()
			run := func(before, after string) (string, error) {
				cmd := exec.CommandContext(t.Context(), shell, "-c", before+commands[0]+after)
				cmd.Dir = t.TempDir()
				cmd.Env = append(os.Environ(), "PATH="+filepath.Join(local.Root(), ".build", "awscli")+":"+os.Getenv("PATH"), "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b")
				out, err := cmd.Output()
				return string(out), err
			}
			if out, err := run("", ""); err != nil || out != said {
				t.Errorf("printed %q, %v", out, err)
			}
			if out, err := run("AWS_SESSION_TOKEN=t ", " | cat"); err != nil || out != said {
				t.Errorf("into a pipe it printed %q, %v", out, err)
			}
			log := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(log, []byte("kept\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := run("", " >> '"+log+"'"); err != nil {
				t.Error(err)
			}
			if kept, err := os.ReadFile(log); err != nil || string(kept) != "kept\n"+said { //nolint:gosec // just written
				t.Errorf("the log is %q, %v", kept, err)
			}
			if got := calls.Load(); got != 3 {
				t.Errorf("three commands invoked the function %d times", got)
			}
			status.Store(http.StatusNotFound)
			if out, err := run("", ""); err == nil || out != "" {
				t.Errorf("a failed call printed %q and ended with %v", out, err)
			}
		})
	}
}
