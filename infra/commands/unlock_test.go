package commands

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

// awsStandIn answers what `make unlock` asks of AWS: a stack of any name, and its
// unlock function, whose requests it keeps.
type awsStandIn struct {
	*httptest.Server
	mu       sync.Mutex
	requests []map[string]any
	called   []string // names of functions
}

// newAWS answers the first request to the function with found, and every later one with
// answer.
func newAWS(t *testing.T, found, answer string) *awsStandIn {
	t.Helper()
	a := &awsStandIn{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", func(w http.ResponseWriter, r *http.Request) {
		stack := "function-of-" + r.FormValue("StackName")
		fmt.Fprint(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>s</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>`+
			`<Outputs><member><OutputKey>UnlockFunctionName</OutputKey><OutputValue>`+html.EscapeString(stack)+`</OutputValue></member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`)
	})
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		var request map[string]any
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Errorf("the payload is not JSON: %v", err)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.requests, a.called = append(a.requests, request), append(a.called, r.PathValue("name"))
		if len(a.requests) > 1 {
			found = answer
		}
		if strings.Contains(found, "errorMessage") {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
		}
		fmt.Fprint(w, found)
	})
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

// unlock runs `make unlock` in the repository.
func (a *awsStandIn) unlock(t *testing.T, stdin string, environment []string, args ...string) (printed string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory", "unlock"}, args...)...)
	cmd.Dir, cmd.Stdin = local.Root(), strings.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal to ask at
	cmd.Env = append(os.Environ(), append(environment, "AWS_ENDPOINT_URL="+a.URL, "AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "AWS_CONFIG_FILE=/dev/null",
		"LOCKWARDEN_BY=somebody", "MAKEFLAGS=", "MAKELEVEL=0")...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// found is the answer to a dry run.
const found = `{"outcome":"would_release","message":"Would release it.","lock":{"id":"x","path":"b/k","evidence":{"liveness":"unknown"}}}`

const released = `{"outcome":"released","message":"Released."}`

func TestMakeUnlockTakesTextAsItIs(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	pasted, err := os.ReadFile(filepath.Join("testdata", "make-metacharacters.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"a client's error with $(shell …) in it": strings.TrimSpace(string(pasted)),
		"what make and shells read":              "$5 $$5 ${HOME} $(HOME) $(eval $(shell touch executed)) `touch executed` # no comment \\\n\t\"quoted\" 'single' %s {0} ; touch executed & é",
		"an ID":                                  "78007e4f-7284-5b8c-b34c-620445a03e9c",
	} {
		executed := filepath.Join(t.TempDir(), "executed")
		text = strings.ReplaceAll(text, "touch executed", "touch "+executed)
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
				aws := newAWS(t, found, released)
				stdin, environment, args := give()
				printed, err := aws.unlock(t, stdin, environment, args...)
				if err != nil || len(aws.requests) != 2 {
					t.Fatalf("%v, %v\n%s", err, aws.requests, printed)
				}
				looked, release := aws.requests[0], aws.requests[1]
				if looked["lock_id"] != text || looked["dry_run"] != true || release["reason"] != text {
					t.Errorf("unlock was asked for %q because of %q, and not for %q", looked["lock_id"], release["reason"], text)
				}
				if release["lock_id"] != "x" || release["path"] != "b/k" || release["requested_by"] != "somebody" || release["force"] != nil || release["dry_run"] != nil {
					t.Errorf("nobody asked for that: %v", release)
				}
				notThere(t, executed)
			})
		}
	}
}

// make puts every variable of its command line into the environment of what it runs.
func TestMakeUnlockExpandsNoVariableThatItDoesNotKnow(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	executed := filepath.Join(t.TempDir(), "executed")
	if printed, err := newAWS(t, found, released).unlock(t, "", nil, "LOCKID=$(shell touch "+executed+")", "LOCK_ID=x", "REASON=r"); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	notThere(t, executed)
}

func notThere(t *testing.T, executed string) {
	t.Helper()
	if _, err := os.Stat(executed); err == nil {
		t.Error("a command in the pasted text ran")
	}
}

func TestMakeUnlockSaysWhetherTheLockIsGone(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	for name, c := range map[string]struct {
		found, answer string
		says          string
		fails         bool
	}{
		"released":                  {found, released, "Released.", false},
		"refused":                   {`{"outcome":"refused","message":"too young"}`, "", "too young", true},
		"an error of the function":  {`{"errorMessage":"lock_id is empty","errorType":"x"}`, "", "lock_id is empty", true},
		"one half is not known yet": {found, `{"outcome":"partial","message":"one half is left"}`, "one half is left", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			printed, err := newAWS(t, c.found, c.answer).unlock(t, "", nil, "LOCK_ID=x", "REASON=y")
			if (err != nil) != c.fails || !strings.Contains(printed, c.says) {
				t.Errorf("make unlock ended with %v\n%s", err, printed)
			}
		})
	}
}

func TestMakeUnlockWithoutALockInvokesNothing(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	aws := newAWS(t, found, released)
	printed, err := aws.unlock(t, " \n", nil, "REASON=y")
	if err == nil || len(aws.requests) > 0 || !strings.Contains(printed, "no lock: give its ID") {
		t.Errorf("without a lock: %v, %v\n%s", aws.requests, err, printed)
	}
}

// Where nobody is there to be asked, nothing is released without a reason.
func TestMakeUnlockWithoutAReasonReleasesNothing(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	aws := newAWS(t, found, released)
	printed, err := aws.unlock(t, "x", nil)
	if err == nil || len(aws.requests) != 1 || aws.requests[0]["dry_run"] != true {
		t.Errorf("without a reason: %v, %v\n%s", aws.requests, err, printed)
	}
}

func TestMakeUnlockGoesToTheNamedStack(t *testing.T) {
	local.Need(t, local.Services)
	t.Parallel()
	executed := filepath.Join(t.TempDir(), "executed")
	hostile := "$(shell touch " + executed + ")"
	for stack, arg := range map[string][]string{"lockwarden": nil, "other": {"STACK=other"}, hostile: {"STACK=" + hostile}} {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			aws := newAWS(t, found, released)
			printed, err := aws.unlock(t, "", nil, append(arg, "LOCK_ID=x", "REASON=y", "FORCE=true", "DRY_RUN=true")...)
			if err != nil || len(aws.called) != 1 || aws.called[0] != "function-of-"+stack || aws.requests[0]["force"] != true {
				t.Errorf("%v, called %q\n%s", err, aws.called, printed)
			}
			notThere(t, executed)
		})
	}
}
