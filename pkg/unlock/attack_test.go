package unlock_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// A row that was taken after the last scan is young, whatever its object says: with a
// thousand watched stores, whose memory is compressed, as with two.
func TestWithManyStoresARowTakenAfterTheScanIsYoung(t *testing.T) {
	w := newWorld(t)
	w.Lock("k", victim, w.Set.Buckets[0])
	w.scan()
	now := time.Now()
	lease, err := w.memory().Begin(t.Context(), "test", &scan.Scan{Started: now}, now)
	if err != nil {
		t.Fatal(err)
	}
	stores := lease.Memory.Stores
	for _, s := range w.Set.All() { // read a moment ago, in the clock of the call
		stores[s.ARN()] = ledger.Store{LastRead: now.Add(w.ahead - time.Minute)}
	}
	for i := range 1000 {
		stores[fmt.Sprintf("arn:aws:dynamodb:eu-central-1:123456789012:table/locks-of-team-%d", i)] = ledger.Store{LastRead: now}
	}
	if err := lease.End(t.Context(), stores); err != nil {
		t.Fatal(err)
	}
	w.Lock("k", victim, w.Set.Tables[0]) // its client waited for the row until now
	if a, err := w.run(&local.Wire{}, request(w, victim, "")); err != nil || a.Outcome != unlock.Refused {
		t.Errorf("got %+v, %v", a, err)
	}
}

// Whoever takes a lock chooses its ID. Text that shows another team's ID on a path of its
// own (an alert, a client's error) must not become the release of that team's lock once
// the forged one is gone.
func TestTextOfAForgedLockThatIsGoneReleasesNoOther(t *testing.T) {
	w := newWorld(t)
	w.Lock("production/terraform.tfstate", victim, w.Set.All()...)
	w.scan()
	at := func(key string) string { return string(w.Path(key)) }
	forged := at("team-a/terraform.tfstate")
	for name, text := range map[string]string{
		"a client's error":       "Error: Error acquiring the state lock\n\nLock Info:\n  ID:        " + victim + "\n  Path:      " + forged + "\n  Operation: OperationTypeApply\n  Who:       me@host\n",
		"our mail":               "State:      " + forged + "\nHeld by:    me@host\nLock ID:    " + victim + "\n",
		"a text with two paths":  "State:      " + forged + "\nLock ID:    " + victim + "\n\nLock Info:\n  ID:        " + victim + "\n  Path:      " + at("production/terraform.tfstate") + "\n",
		"a text with two others": "Lock Info:\n  ID:        " + victim + "\n  Path:      " + forged + "\n\nLock Info:\n  ID:        " + victim + "\n  Path:      " + at("team-b/x") + "\n",
		"two labels with paths":  "State:      " + forged + "\nHeld by:    x\nPath: " + at("team-a/y") + "\nLock ID:    " + victim + "\n",
		"two labels, one of it":  "State:      " + forged + "\nHeld by:    x\nPath: " + at("production/terraform.tfstate") + "\nLock ID:    " + victim + "\n",
		"two labels, and a line": "State:      " + forged + "\nPath: " + at("team-a/y") + "\n- " + at("production/terraform.tfstate") + ": x, held for 3m, ID " + victim + "\nLock ID:    " + victim + "\n",
		"a label and a command":  "State:      " + forged + "\n\n  terraform force-unlock " + victim + "\n",
		"a path with a mask":     "State:      " + at("team-a/***x") + "\nLock ID:    " + victim + "\n",
		"a path of mask and all": "State:      " + at("team-a/***/production/terraform.tfstate") + "\nLock ID:    " + victim + "\n",
		"a path with an ellipse": "Lock Info:\n  ID:        " + victim + "\n  Path:      " + at("team-a/x...") + "\n  Operation: x\n",
		"a path with a tag":      `{"lock":{"id":"` + victim + `","path":"` + at("team-a/<sensitive") + `"}}`,
		"a path of two lines":    "Lock Info:\n  ID:        " + victim + "\n  Path:      " + at("team-a/x") + "\ny\n  Operation: x\n",
		"an error in one line":   "Lock Info: ID: " + victim + " Path: " + at("team-a/x"),
		"a masked dashboard row": at("team-a/***") + "\nID " + victim + "\n",
		"a dashboard row":        at("team-a/a b") + "\nID " + victim + "\n",
		"a message in Slack":     "State\n" + at("team-a/a b") + "\nLock ID\n" + victim + "\n",
		"a quote in our command": `--payload "{\"lock_id\":\"` + victim + `\",\"path\":\"` + at("team-a/'x") + `\"}"`,
		"our command":            `aws lambda invoke --function-name unlock --payload '{"lock_id":"` + victim + `","path":"` + forged + `","reason":"stuck"}' /dev/stdout`,
	} {
		for _, more := range []string{"", `,"force":true`} {
			if len(w.held()) == 0 { // released for the text before, which failed
				w.Lock("production/terraform.tfstate", victim, w.Set.All()...)
			}
			a, err := w.run(&local.Wire{}, request(w, text, more))
			if err != nil || a.Outcome != unlock.Ambiguous || len(w.held()) != 1 {
				t.Errorf("%s%s: %+v, %v", name, more, a, err)
			}
			if want := `Choice: {"path":"` + at("production/terraform.tfstate") + `"`; !slices.ContainsFunc(a.NextSteps, func(s string) bool { return strings.HasPrefix(s, want) }) {
				t.Errorf("%s%s: the choice is missing: %q", name, more, a.NextSteps)
			}
		}
	}
}

// A CI system that masks a secret, and a terminal that wraps a path, hide no lock: what they leave of the path is of it.
func TestTextWhoseVisiblePathIsOfTheLockReleasesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const key = "production/env/terraform.tfstate"
	path := string(w.Path(key))
	block := func(path string) string {
		return "Lock Info:\n  ID:        " + victim + "\n  Path:      " + path + "\n  Operation: OperationTypeApply\n  Who:       me@host\n"
	}
	for name, text := range map[string]string{
		"a masked bucket":          block("***/" + key),
		"a clip and the whole":     "[Lockwarden] stuck 45m: ..." + path[5:] + " (me@host, run likely dead)\n\nState:      " + path + "\nLock ID:    " + victim + "\n",
		"a wrapped path":           block(path[:9] + "\n" + path[9:]),
		"a wrapped, masked path":   block("***/production/e\nnv/terraform.tfstate"),
		"an error in a cut line":   "Lock Info: ID: " + victim + " Path: " + path,
		"a path, whole and masked": "State: " + path + "\nPath: ***/" + key + "\nLock ID: " + victim + "\n",
		"a state's URL":            "State: s3://" + path + "\nLock ID: " + victim + "\n",
		"a label and a command":    "State: " + path + "\n  terraform force-unlock " + victim + "\n",
	} {
		w.clear()
		w.Lock(key, victim, w.Set.All()...)
		if a, err := w.run(&local.Wire{}, request(w, text, `,"force":true`)); err != nil || a.Outcome != unlock.Released || len(w.held()) != 0 {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

// Where tables are watched and buckets are not, as for rows of several buckets in one table,
// a path in another bucket is that of another state.
func TestTextOfAForgedRowThatIsGoneReleasesNoOther(t *testing.T) {
	t.Parallel()
	for _, watched := range []bool{false, true} { // the bucket of the real lock
		w := newWorld(t)
		if !watched {
			w.BucketARN = ""
		}
		real := string(w.Path("terraform.tfstate"))
		w.Lock("terraform.tfstate", victim, w.Set.Tables[0])
		for name, text := range map[string]string{
			"our mail":         "State:      team-a-states/x\nLock ID:    " + victim + "\n",
			"a client's error": "Lock Info:\n  ID:        " + victim + "\n  Path:      team-a-states/x\n  Operation: OperationTypeApply\n",
			"a masked path":    "State:      team-a-states/***\nLock ID:    " + victim + "\n",
		} {
			if a, err := w.run(&local.Wire{}, request(w, text, `,"force":true`)); err != nil || a.Outcome != unlock.Ambiguous || len(w.held()) != 1 {
				t.Errorf("%s, the bucket watched %t: %+v, %v", name, watched, a, err)
			}
		}
		if a, err := w.run(&local.Wire{}, request(w, "State: "+real+"\nLock ID: "+victim+"\n", `,"force":true`)); err != nil || a.Outcome != unlock.Released {
			t.Errorf("the lock's own text, the bucket watched %t: %+v, %v", watched, a, err)
		}
	}
}

// The lock in a copied bucket says the path of the original, and so does the client's error.
func TestTextOfALockInACopiedBucket(t *testing.T) {
	w := newWorld(t)
	original := w.Path("k")
	raw, err := tflock.Info{ID: victim, Operation: "OperationTypeApply", Who: "me@host", Created: time.Now(), Path: string(original)}.Marshal()
	if err == nil {
		_, err = w.Set.Buckets[0].Acquire(t.Context(), w.Path("copy/k"), raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	text := "Lock Info:\n  ID:        " + victim + "\n  Path:      " + original + "\n  Operation: OperationTypeApply\n"
	if a, err := w.run(&local.Wire{}, request(w, string(text), "")); err != nil || a.Outcome != unlock.Released {
		t.Errorf("got %+v, %v", a, err)
	}
}

// A text may show people one lock, and name another in a way that they do not see: the other one
// stays, whichever way it is hidden.
func TestATextWithTheIDsOfTwoLocksReleasesNeither(t *testing.T) {
	w := newWorld(t)
	const own = "aaaaaaaa-1111-2222-3333-444444444444"
	theirs, mine := string(w.Path("production/terraform.tfstate")), string(w.Path("a-team/terraform.tfstate"))
	w.Lock("production/terraform.tfstate", victim, w.Set.All()...)
	w.Lock("a-team/terraform.tfstate", own, w.Set.All()...)
	w.scan()
	held := len(w.held())
	for name, text := range map[string]string{
		"a summary that is clipped above a table":   "Lock ID " + own + "\n\nSTATE  ID\nx  " + victim + "\n",
		"a command in a comment of a page's source": "<html><body>Lock:<br>ID " + own + "<br></body><!-- \nterraform force-unlock " + victim + "\n--></html>",
		"a list of fields above a request":          "lock:\n  id: " + own + "\n  path: " + mine + "\nlock_id: " + victim + "\n",
		"a list of a lock and a request":            `[{"id":"` + own + `","path":"` + mine + `","verdict":"stuck"},{"lock_id":"` + victim + `","path":"` + theirs + `"}]`,
		"fields of another lock above a request":    "Who: payroll@nightly\nReason: payroll hangs\nOperation: of payroll\n\n\n\n\n" + `{"lock_id":"` + victim + `","path":"` + theirs + `"}`,
		"a field with two values in the block":      "Lock Info:\n  ID:        " + victim + "\n  Path:      " + theirs + "\n  Operation: OperationTypeApply\n  Who:       ana@laptop\n  Who:       payroll@nightly\n",
		"another team's name before every line":     "payroll | Lock Info:\npayroll |   ID:        " + victim + "\npayroll |   Path:      " + theirs + "\npayroll |   Operation: OperationTypeApply\n",
		"a drawing above a command":                 "| | |||\n||| | |\n| | |||\n* * ***\n\n\n\nterraform force-unlock " + victim + "\n",
		"an answer that is about both":              `{"outcome":"refused","message":"Not released: ` + own + ` on ` + mine + `","lock":{"id":"` + victim + `","path":"` + theirs + `"}}`,
	} {
		payload, err := json.Marshal(map[string]string{"lock_id": text, "reason": "stuck"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := unlock.ParseRequest(payload)
		if err != nil {
			t.Errorf("%s is refused before it is looked at, so that this test shows nothing: %v", name, err)
			continue
		}
		a, err := w.run(&local.Wire{}, r)
		if err != nil || a.Outcome != unlock.Ambiguous || !strings.Contains(a.Message, "not understood") || len(w.held()) != held {
			t.Errorf("%s: %+v %v, held: %q", name, a, err, w.held())
		}
		if steps := strings.Join(a.NextSteps, "\n"); !strings.Contains(steps, theirs) {
			t.Errorf("%s: the lock that counts cannot be chosen: %q", name, a.NextSteps)
		}
	}
	// The ID of the client's own request is not a lock's: it keeps nobody from a release.
	text := "Error message: operation error S3: PutObject, https response error StatusCode: 412, RequestID: cccccccc-1111-2222-3333-444444444444, HostID: x, api error PreconditionFailed: " +
		"At least one of the pre-conditions you specified did not hold\nLock Info:\n  ID:        " + victim + "\n  Path:      " + theirs + "\n  Operation: OperationTypeApply\n"
	payload, err := json.Marshal(map[string]string{"lock_id": text, "reason": "stuck"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := unlock.ParseRequest(payload)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := w.run(&local.Wire{}, r); err != nil || a.Outcome != unlock.Released {
		t.Errorf("%+v %v", a, err)
	}
}
