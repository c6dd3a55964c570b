package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

var mutated = flag.Bool("mutations", false, "show for each fix that chaos finds the old fault without it: minutes")

// mutation switches one fix off: in one file, one line that is there once becomes another.
type mutation struct {
	file     string
	from, to string
	test     string // which test finds it
	args     []string
	says     string // what it says then
}

// mutations are the fixes that a world or a law of chaos was made for.
var mutations = map[string]mutation{
	"a lock is as old as it says": {
		"pkg/policy/release.go", "written := c.At.Sub(c.State.Written)", "written := c.At.Sub(c.State.Written)\n\tc.HeldAtLeast, c.Unseen = c.Held, false",
		"TestDuels",
		[]string{"-only=unforced and client", "-duels=3"},
		"released without force that was held for",
	},
	"a half is as old as what scans saw of the ID": {
		"pkg/policy/judge.go", "if held.IsZero() {", "if !c.Seen.FirstSeen.IsZero() {\n\t\t\theld = c.Seen.FirstSeen\n\t\t}\n\t\tif held.IsZero() {",
		"TestWaiting",
		[]string{"-duels=1"},
		"released without force that was held for",
	},
	"a release takes whatever lock object is there": {
		"pkg/backend/bucket.go", "Key: &key, IfMatch: &h.ETag})", "Key: &key})",
		"TestMatrix",
		[]string{"-only=unlock S3.DeleteObject#1 rival"},
		"the lock of a rival was released",
	},
	"a delete without an answer had no effect": {
		"pkg/unlock/halves.go", "case isError && !failed.Refused():", "case isError && !failed.Refused() && false:",
		"TestMatrix",
		[]string{"-only=unlock (row alone) DynamoDB.DeleteItem#1 cut-after"},
		"it says that nothing was released, and it was",
	},
	"a conflict whose read fails is another lock": {
		"pkg/backend/bucket.go", "return &Error{b.arn, &unsettledError{refused: refused, look: err}}", "return &ChangedError{}",
		"TestMatrix",
		[]string{"-only=unlock S3.DeleteObject#1 conflict, then reads fail"},
		"it says that another lock is there now, and none is",
	},
	"a lock that cannot be read back is another's": {
		"pkg/backend/acquire.go", "return tflock.Holding{}, &Error{b.arn, &unsettledError{refused: err, look: lookErr}}", "return tflock.Holding{}, &HeldError{Store: b.arn}",
		"TestMatrix",
		[]string{"-only=prune S3.PutObject#1 sent-twice, then reads fail"},
		"left its lock",
	},
	"an archived lock object fails its bucket": {
		"pkg/backend/lockobject.go", `case name == "InvalidObjectState":`, `case name == "InvalidObjectState" && answered > 0:` + "\n\t\treturn \"\"\n\tcase name == \"InvalidObjectState\":",
		"TestMatrix",
		[]string{"-only=monitor (archived)"},
		"undisturbed, archived:",
	},
	"a lock object under another key fails its bucket": {
		"pkg/backend/lockobject.go", `case name == "NoSuchBucket" ||`, `case name == "AccessDenied" || name == "NoSuchBucket" ||`,
		"TestMatrix",
		[]string{"-only=monitor (no key)"},
		"undisturbed, no key:",
	},
	"what cannot be read on the path is not there": {
		"pkg/unlock/unlock.go", "case len(f.unreadable) > 0:", "case len(f.unreadable) > 0 && f.named != nil:",
		"TestMatrix",
		[]string{"-only=unlock (archived lock)"},
		"undisturbed, archived lock:",
	},
	"a row that its client took again is as old as before": {
		"pkg/unlock/earlier.go", "if slices.Contains(l.Kinds(), tflock.S3) {", "if len(l.Kinds()) > 0 {",
		"TestALockThatItsClientTookAgainIsYoung",
		nil,
		"released without force that was held for 0s",
	},
	"beside what cannot be read nothing is finished": {
		"pkg/unlock/unlock.go", "if _, late := u.finishEarlier(ctx, r); late != nil {", "if late := error(nil); late != nil {",
		"TestMatrix",
		[]string{"-only=unlock (archived half) DynamoDB.DeleteItem#1 killed-after"},
		"alert lost: lock.released",
	},
	"locks have one name": {
		"pkg/statelock/locker.go", "if !name.LocksOnly() {\n\t\t\tall = append(all, name)", "if false {\n\t\t\tall = append(all, name)",
		"TestMatrix",
		[]string{"-only=prune (double slashes)"},
		"undisturbed, double slashes:",
	},
	"states have one name": {
		"pkg/tflock/path.go", "if clean := p.Clean(); clean != p {", "if clean := p.Clean(); clean != p && false {",
		"TestMatrix",
		[]string{"-only=unlock (double slashes, written)"},
		"undisturbed, double slashes, written:",
	},
	"a state is locked in its bucket alone": {
		"pkg/statelock/locker.go", "for _, t := range l.stores.Tables {\n\t\tfor _, name := range l.Names(path) {\n\t\t\tall = append", "for _, t := range l.stores.Tables[:0] {\n\t\tfor _, name := range l.Names(path) {\n\t\t\tall = append",
		"TestMatrix",
		[]string{"-only=prune (their row alone)"},
		"undisturbed, their row alone:",
	},
	"our lock object takes the place of whatever is there": {
		"pkg/backend/acquire.go", `ContentType: aws.String("application/json"), IfNoneMatch: aws.String("*"),`, `ContentType: aws.String("application/json"),`,
		"TestMatrix",
		[]string{"-only=accept (their object alone)"},
		"undisturbed, their object alone:",
	},
	"a leftover has no row": {
		"pkg/statelock/release.go", "range slices.Backward(l.Places(b, path)) {", "range slices.Backward(l.Places(b, path)[:1]) {",
		"TestMatrix",
		[]string{"-only=accept (own row alone)"},
		"undisturbed, own row alone:",
	},
	"a leftover has no object": {
		"pkg/statelock/release.go", "range slices.Backward(l.Places(b, path)) {", "range slices.Backward(l.Places(b, path)[1:]) {",
		"TestMatrix",
		[]string{"-only=accept (own object alone)"},
		"undisturbed, own object alone:",
	},
	"our lock names no encryption": {
		"pkg/backend/acquire.go", "ServerSideEncryption: like.algorithm, SSEKMSKeyId: like.key, BucketKeyEnabled: like.bucketKey, ChecksumAlgorithm", "ChecksumAlgorithm",
		"TestMatrix",
		[]string{"-only=prune (encryption demanded)"},
		"undisturbed, encryption demanded:",
	},
	"a lock that is left stops no other": {
		"pkg/prune/gate.go", "g.blocked.end(left)", "_ = left.Error()",
		"TestMatrix",
		[]string{"-only=prune (crowd) no delete"},
		"locks of our own were left on several states",
	},
	"a release needs no record": {
		"pkg/unlock/release.go",
		"if err := u.Releases.Write(ctx, key, record); err != nil {\n\t\treturn Answer{}, fmt.Errorf(\"nothing was released: no lock", "if err := error(nil); err != nil {\n\t\treturn Answer{}, fmt.Errorf(\"nothing was released: no lock",
		"TestMatrix",
		[]string{"-only=unlock DynamoDB.DeleteItem#1 killed-after"},
		"alert lost: lock.released",
	},
	"a delete that never came counts as a prune": {
		"pkg/prune/settle.go", "case p == wasDeleted && byRun(next.Modified, record.At), p", "case p != isCurrent || byRun(next.Modified, record.At), p",
		"TestMatrix",
		[]string{"-only=prune (re-applied)"},
		"a state counts as pruned that was never deleted",
	},
	"a digest goes before a lock is known to go": {
		"pkg/prune/remove.go", "if !r.gate.proven(s.bucket) {", "if false {",
		"TestMatrix",
		[]string{"-only=prune no delete of objects"},
		"a digest was to go before it was known that a lock can",
	},
	"whoever has the ID has the lock": {
		"pkg/unlock/find.go", "if r.Path != \"\" {\n\t\treturn u.at(ctx, tflock.Path(r.Path), r.lock.ID)", "if r.Path != \"\" {\n\t\tr.lock = tflock.Reference{ID: r.lock.ID}",
		"TestIdentity",
		[]string{"-duels=1"},
		"lock released that nobody named",
	},
	"a text that shows another state means whoever has the ID": {
		"pkg/unlock/find.go", "paths := pathsShown(f.named)\n", "paths := pathsShown(f.named)\n\tif len(paths) > 0 {\n\t\treturn f\n\t}\n",
		"TestIdentity",
		[]string{"-duels=1"},
		"lock released that nobody named",
	},
	"no client has come under another name": {
		"pkg/statelock/locker.go", "if name.LocksOnly() || !slices.Contains(l.aliases.Of(path), name) {", "if false && !slices.Contains(l.aliases.Of(path), name) {",
		"TestDuels",
		[]string{"-only=restore and old", "-duels=1"},
		"under the lock of another",
	},
	"a record of another lock is this lock's": {
		"pkg/ledger/witness.go", "sum := sha256.Sum256([]byte(string(o.Path) + \"\\x00\" + strings.Trim(o.ETag, `\"`)))", "sum := sha256.Sum256([]byte(o.Path))",
		"TestMatrix",
		[]string{"-only=monitor (witness, lost) the topic fails"},
		"evidence names a session for a lock that it did not take",
	},
	"an older event of an object counts": {
		"pkg/ledger/witness.go", "OR #sequence < :sequence", "OR attribute_exists(#sequence) OR #sequence < :sequence",
		"TestMatrix",
		[]string{"-only=monitor (witness, retaken) the topic fails"},
		"age at least counts from another lock's record",
	},
	"whoever removed a lock last removed this one": {
		"pkg/ledger/witnessed.go", "case strings.HasSuffix(textOf(row, attrID), createdMark):", "case strings.HasSuffix(textOf(row, attrID), createdMark):\n\t\t\t\tcontinue\n\t\t\tcase false:",
		"TestMatrix",
		[]string{"-only=monitor (witness, lost) the topic fails"},
		"evidence names a session for a removal that it did not make",
	},
	"a repair writes the state under its old digest": {
		"pkg/repair/apply.go", "if err := w.deleteDigests(ctx, w.target.md5); err != nil {", "if err := error(nil); err != nil {",
		"TestDuels",
		[]string{"-only=roll back and", "-duels=1"},
		"state unreadable",
	},
	"a digest that came too late stays": {
		"pkg/repair/apply.go", "	return w.stillRestored(ctx)\n", "	return nil\n",
		"TestDuels",
		[]string{"-only=roll back and", "-duels=1"},
		"state left unreadable",
	},
	"a repair writes over whatever is there": {
		"pkg/backend/statereplace.go", `ContentType: aws.String("application/json"), IfMatch: &etag,`, `ContentType: aws.String("application/json"),`,
		"TestDuels",
		[]string{"-only=roll back and lockless", "-duels=1"},
		"state overwritten that was written under our lock",
	},
	"the ledger has all the time": {
		"pkg/monitor/monitor.go", "ctx, cancel := context.WithTimeout(ctx, b.recall)", "_ = b\n\tctx, cancel := context.WithCancel(ctx)",
		"TestMatrix",
		[]string{"-only=monitor the ledger hangs"},
		"a ledger that hangs took the metrics",
	},
}

// What chaos says that it holds, it finds when it does not: each fix is switched off in a
// build of its own, and the world or law that was made for it must fail.
func TestMutations(t *testing.T) {
	all := maps.Clone(mutations)
	maps.Copy(all, automaticMutations)
	for name, m := range all {
		t.Run(name, func(t *testing.T) {
			overlay, err := m.overlay(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if !*mutated {
				return // `make chaos` sets it
			}
			cmd := exec.CommandContext(t.Context(), "go", append([]string{"test", "-overlay", overlay, "-count=1", "-vet=off", "-run", "^" + m.test + "$", "./infra/chaos"}, m.args...)...)
			cmd.Dir = local.Root()
			out, err := cmd.CombinedOutput()
			if at := strings.Index(string(out), m.says); err == nil || at < 0 {
				t.Errorf("%s does not find it, or says something else than %q: %v\n%.4000s", m.test, m.says, err, out)
			} else {
				line, _, _ := strings.Cut(string(out[at:]), "\n")
				t.Logf("%s, without the fix in %s: %.200s", m.test, m.file, line)
			}
		})
	}
}

// overlay writes the mutated file, and what `go test -overlay` needs to build with it.
func (m mutation) overlay(dir string) (string, error) {
	file := filepath.Join(local.Root(), filepath.FromSlash(m.file))
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), m.from); n != 1 {
		return "", fmt.Errorf("%s has this %d times, and it must be once: %q. The fix was rewritten: say here how to switch it off now", m.file, n, m.from)
	}
	other := filepath.Join(dir, "mutated.go")
	if err := os.WriteFile(other, []byte(strings.Replace(string(text), m.from, m.to, 1)), 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {file: other}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o600)
}
