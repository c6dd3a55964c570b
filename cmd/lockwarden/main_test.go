package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
)

// The tests share one stack: to deploy it takes longer than they do.
func TestCommands(t *testing.T) {
	local.Need(t, local.Services)
	w := newWorld(t)
	for name, test := range map[string]func(*testing.T, *world){
		"a lock is released after its evidence was confirmed": unlockOneLock,
		"stale states are listed, and a pruned one restored":  listAndRestore,
		"a digest is repaired after it was shown":             repairADigest,
		"states and what is wrong with them are listed":       listStates,
		"a stack that is not there":                           missTheStack,
		"a lost answer is not asked for again":                loseAnAnswer,
		"whatever an answer says is text":                     sayHostileThings,
		"no path of a finding reads as our advice":            noPathReadsAsOurAdvice,
	} {
		t.Run(name, func(t *testing.T) {
			w.T = t
			test(t, w)
		})
	}
}

const id = "8e1b6c40-2f5a-4d07-b3c9-71a0e5d2f968"

func unlockOneLock(t *testing.T, w *world) {
	path := w.lock("payments/terraform.tfstate", id, "ana@laptop\x1b[31m")
	pasted := "│ Error: Error acquiring the state lock\n│ \n│ Lock Info:\n│   ID:        " + id + "\n│   Path:      " + path + "\n│   Operation: OperationTypeApply\n│   Who:       ana@laptop\n"

	code, out, errs := w.run("", "locks")
	w.want(0, code, out, errs, "1 held, 1 of them stuck", id, path, "LOCK ID")
	if strings.Contains(out, "\x1b") {
		t.Errorf("the holder's escape codes reach the terminal: %q", out)
	}
	table := out

	code, out, errs = w.run("", "unlock", id, "--dry-run")
	w.want(0, code, out, errs, "would_release", path, "ana@laptop")

	w.answers = []string{"its laptop died", "no"}
	code, out, errs = w.run(pasted, "unlock")
	w.want(exitUnconfirmed, code, out, errs, path, "Nothing was released")

	code, out, errs = w.run(pasted, "unlock", "-")
	w.want(exitUsage, code, out, errs, "nobody is there")

	more := pasted + "\nthe lock 11111111-2222-3333-4444-555555555555 is stuck\n" // what may be about another lock is asked about
	for _, flag := range []string{"--yes", "--json", "--dry-run"} {
		code, out, errs = w.run(more, "unlock", "-", "--reason", "x", flag)
		w.want(exitAmbiguous, code, out, errs, "ambiguous", "lock 11111111-2222-3333-4444-555555555555", "Choice: ")
	}
	w.answers = []string{"no"}
	code, out, errs = w.run(more, "unlock", "-")
	w.want(exitUnconfirmed, code, out, errs, "is not understood", path, id, "Nothing was released")
	w.answers = []string{"yes", "its laptop died", "no"}
	code, out, errs = w.run(more, "unlock", "-")
	w.want(exitUnconfirmed, code, out, errs, "is not understood", "ana@laptop", "would be released", "Nothing was released")

	code, out, errs = w.run("", "unlock", id, "--yes")
	w.want(exitUsage, code, out, errs, "--reason")

	w.invoked = nil
	w.answers = []string{"its laptop died", "yes"}
	code, out, errs = w.run(table, "unlock", "-", "--by", "ben") // our own table names it too
	w.want(0, code, out, errs, "released: ")
	if len(w.invoked) != 2 || !strings.Contains(w.invoked[1], `"path":"`+path+`"`) || !strings.Contains(w.invoked[1], "its laptop died") || !strings.Contains(w.invoked[1], "ben") {
		t.Errorf("invoked with %q", w.invoked)
	}

	code, out, errs = w.run("", "unlock", id, "--reason", "x", "--yes", "--json")
	w.want(exitNotFound, code, out, errs, `"outcome": "not_found"`)

	code, out, errs = w.run("what is this\nall about", "unlock")
	w.want(exitFailed, code, out, errs, "what is this", "Lock Info")
}

func listAndRestore(t *testing.T, w *world) {
	bucket, key := w.stack.Outputs["StateBucketName"], "branches/feature-x/terraform.tfstate"
	state, err := os.ReadFile(filepath.Join(local.Root(), "pkg", "tfstate", "testdata", "destroyed.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.stack.AWS().S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(state)}); err != nil {
		t.Fatal(err)
	}
	if err := w.stack.AWS().Age(bucket, key, 60*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	code, out, errs := w.run("", "stale")
	w.want(0, code, out, errs, "1 stale states", bucket+"/"+key)

	if result, err := w.stack.Invoke(t.Context(), "prune", "PruneFunction", "{}"); err != nil || result.Failed || !strings.Contains(result.Payload, key) {
		t.Fatalf("nothing was pruned: %v: %s", err, result.Payload)
	}
	code, out, errs = w.run("", "restore", bucket+"/"+key)
	w.want(0, code, out, errs, key)
	code, out, errs = w.run("", "restore", bucket+"/"+key, "--json")
	w.want(exitRefused, code, out, errs, `"outcome": "refused"`)
	code, out, errs = w.run("", "restore", bucket+"/never/terraform.tfstate")
	w.want(exitNotFound, code, out, errs)
}

// Nothing that was planted in a state is printed.
func listStates(t *testing.T, w *world) {
	inventory := func() {
		t.Helper()
		if result, err := w.stack.Invoke(t.Context(), "inventory", "InventoryFunction", "{}"); err != nil || result.Failed {
			t.Fatalf("%v: %s\n%s", err, result.Payload, result.Log)
		}
	}
	bucket := w.stack.Outputs["StateBucketName"]
	for name, state := range local.Planted() {
		key := "listed/" + name + ".tfstate"
		if _, err := w.stack.AWS().S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(state)}); err != nil {
			t.Fatal(err)
		}
	}
	orphan := bucket + "/listed/gone.tfstate"
	table := w.stack.Outputs["LockTableName"]
	if err := w.stack.AWS().SetDigest(t.Context(), table, orphan, "0123"); err != nil {
		t.Fatal(err)
	}
	code, out, errs := w.run("", "states")
	w.want(0, code, out, errs, "There is no report yet")
	inventory()
	code, out, errs = w.run("", "states", "listed", "--sort", "resources")
	w.want(0, code, out, errs, fmt.Sprintf("%d states, 1 findings", len(local.Planted())), "WARNING digest_orphan of "+orphan, "repair it with delete_digest", "LAST WRITTEN", "encrypted")
	all := out + errs
	if v4, v3 := strings.Index(out, "listed/v4.tfstate"), strings.Index(out, "listed/v3.tfstate"); v4 < 0 || v3 < 0 || strings.Index(out, "listed/text.tfstate") < v3 {
		t.Errorf("not in the order of resources:\n%s", out)
	}
	code, out, errs = w.run("", "states", "LISTED/V4") // "V4" alone may be in the bucket's name
	w.want(0, code, out, errs, "1 states, 0 findings", "listed/v4.tfstate")
	code, out, errs = w.run("", "states", "listed", "--json")
	w.want(0, code, out, errs, `"digest_orphan"`, `"managed"`)
	if leaks := local.Leaks(all + out + errs); len(leaks) > 0 {
		t.Errorf("%q leaves a state", leaks)
	}
	code, out, errs = w.run("", "states", "--most", "1", "listed")
	w.want(0, code, out, errs, "And 9 more states")
	code, out, errs = w.run("", "states", "--sort", "name")
	w.want(exitUsage, code, out, errs, "--sort")
	code, out, errs = w.run("", "repair", orphan, "delete_digest", "--reason", "its state was deleted on purpose", "--yes")
	w.want(0, code, out, errs, "repaired: ")
}

func repairADigest(t *testing.T, w *world) {
	bucket, key := w.stack.Outputs["StateBucketName"], "network/repaired/terraform.tfstate"
	path := bucket + "/" + key
	state, err := os.ReadFile(filepath.Join(local.Root(), "pkg", "tfstate", "testdata", "applied.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.stack.AWS().S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(state)}); err != nil {
		t.Fatal(err)
	}
	if err := w.stack.AWS().SetDigest(t.Context(), w.stack.Outputs["LockTableName"], path, "0123456789abcdef0123456789abcdef"); err != nil {
		t.Fatal(err)
	}
	code, out, errs := w.run("", "repair", path, "accept_state", "--dry-run")
	w.want(0, code, out, errs, "would_repair", "0123456789abcdef0123456789abcdef")
	w.answers = []string{"not written", "no"}
	code, out, errs = w.run("", "repair", path, "accept_state")
	w.want(exitUnconfirmed, code, out, errs, "Nothing was repaired")
	code, out, errs = w.run("", "repair", path, "restore_version", "--reason", "x", "--yes")
	w.want(exitFailed, code, out, errs, "version_id")
	code, out, errs = w.run("", "repair", path, "delete_digest", "--reason", "x", "--yes")
	w.want(exitRefused, code, out, errs, "accept_state")
	code, out, errs = w.run("", "repair", path, "accept_state", "--reason", "not written", "--yes")
	w.want(0, code, out, errs, "repaired: ")
	code, out, errs = w.run("", "repair", path, "accept_state", "--dry-run", "--json")
	w.want(0, code, out, errs, `"outcome": "nothing_to_do"`)
}

func missTheStack(t *testing.T, w *world) {
	code, out, errs := w.run("", "locks", "--stack", "lockwarten")
	w.want(exitUsage, code, out, errs, "no Lockwarden stack lockwarten", "there is lockwarden", "--stack")
	code, out, errs = w.run("", "locks", "--region", "us-west-2")
	w.want(exitUsage, code, out, errs, "is the region right")
}

// A call is made once: what a lost answer did is not known.
func loseAnAnswer(t *testing.T, w *world) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, _ *http.Request) {
		calls++
		http.Error(response, "{}", http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", server.URL)
	code, out, errs := w.run("", "locks")
	w.want(exitFailed, code, out, errs, "is not known")
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

func TestHelp(t *testing.T) {
	for _, command := range []string{"", "locks", "unlock", "states", "stale", "restore", "repair", "probe", "witness"} {
		var out bytes.Buffer
		args := []string{"--help"}
		if command != "" {
			args = []string{command, "--help"}
		}
		if code := run(t.Context(), args, terminal{out: &out, err: &out}); code != 0 {
			t.Errorf("%s: exit code %d", command, code)
		}
		golden := filepath.Join("testdata", "help-"+command+".golden")
		if *update {
			if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || out.String() != string(want) {
			t.Errorf("%s: %v\n%s", command, err, out.String())
		}
	}
}
