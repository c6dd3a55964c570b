package inventory_test

import (
	"context"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/inventory"
)

const (
	twoSlashes = "network//terraform.tfstate" // whose state Terraform up to 1.5 stores as key
	mismatched = "digest_mismatch of " + key
)

// runOne makes an inventory of the one state.
func (w *world) runOne() inventory.Report {
	w.Helper()
	report, err := w.inventory(server.Config()).Run(context.Background(), inventory.Request{Path: w.Path(key)})
	if err != nil {
		w.Fatal(err)
	}
	return report
}

// A table has the digest of a state under a name with //. An inventory of that one state
// finds it as one of everything does, and reports it as gone only when it is.
func TestOnePathWithDigestsUnderAnotherName(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(w *world) inventory.Report{"found by an inventory of everything": (*world).run, "found by one of the state": (*world).runOne} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put(key, stateOf(2, "one"))
			w.SetDigest(w.Table, twoSlashes, sum(stateOf(1, "one")))
			w.want("at first", w.found(first(w)), mismatched)
			w.want("people", w.news(), "state.finding warning "+mismatched)
			w.want("that state alone", w.found(w.runOne()), mismatched)
			w.want("people", w.news())
			w.SetDigest(w.Table, twoSlashes, sum(stateOf(2, "one")))
			w.want("repaired", w.found(w.runOne()))
			w.want("people", w.news(), "state.finding_resolved info "+mismatched)
		})
	}
}

// lockAs takes the lock of a state under any name, in the table.
func (w *world) lockAs(name string) (unlock func()) {
	w.Helper()
	set, err := backend.Open(server.Config(), []string{w.TableARN}, nil)
	if err == nil {
		err = local.TakeLock(context.Background(), w.Path(name), "id", set.Tables[0])
	}
	if err != nil {
		w.Fatal(err)
	}
	return func() {
		held, _, err := set.Tables[0].Find(context.Background(), w.Path(name))
		if err == nil {
			err = set.Tables[0].Release(context.Background(), held)
		}
		if err != nil {
			w.Fatal(err)
		}
	}
}

// A client of Terraform up to 1.5 holds the lock of a state under a name with //: nothing
// is reported of the state, and nothing as gone, by an inventory of everything or of that state.
func TestAPathThatIsLockedUnderAnotherName(t *testing.T) {
	t.Parallel()
	queue := object("aws_sqs_queue", `{"arn":"arn:aws:sqs:eu-west-1:123456789012:jobs","id":"jobs"}`)
	for name, run := range map[string]func(w *world) inventory.Report{"everything": (*world).run, "one state": (*world).runOne} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.apply(key, stateOf(1, "one"))
			w.put("other.tfstate", stateOf(1, "two", queue))
			w.run()
			w.put(key, stateOf(2, "one", queue))
			unlock := w.lockAs(twoSlashes)
			w.want("locked", w.found(run(w)))
			unlock()
			all := []string{mismatched, "duplicate_resource of " + key + " and other.tfstate"}
			w.want("unlocked", w.found(run(w)), all...)
			w.news()
			unlock = w.lockAs(twoSlashes)
			w.SetDigest(w.Table, key, sum(stateOf(2, "one", queue)))
			w.want("locked again, and repaired by whoever holds the lock", w.found(run(w)), all...)
			w.want("people", w.news())
			unlock()
			w.want("unlocked again", w.found(run(w)), all[1])
		})
	}
}

// One table cannot be read. What is wrong elsewhere is found, and says that nobody knows of
// a lock in that table; nothing is reported as gone; and a lock that it still shows counts.
func TestNobodyKnowsOfALockInATableThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]string{"at all": "", "as a whole": ".Scan"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, g := newWorld(t), &guard{fault: "AccessDeniedException", call: call}
			run := func() inventory.Report {
				t.Helper()
				report, err := w.inventory(g.config()).Run(context.Background(), inventory.Request{})
				if (err == nil) == (g.table != "") {
					t.Fatalf("%v", err)
				}
				return report
			}
			w.put(key, stateOf(2, "one"))
			w.SetDigest(w.Table+"-other", key, sum(stateOf(1, "one")))
			g.table = w.Table
			if call != "" {
				unlock := w.lockAs(key)
				w.want("it still shows a lock", w.found(run()))
				unlock()
			}
			report := run()
			w.want("elsewhere", w.found(report), mismatched)
			if !strings.Contains(report.Findings[0].Text, "could not be read is not known") {
				t.Error(report.Findings[0].Text)
			}
			w.news()
			w.SetDigest(w.Table+"-other", key, sum(stateOf(2, "one")))
			w.want("repaired, by somebody who may be at work still", w.found(run()), mismatched)
			w.want("people", w.news())
			g.table = ""
			w.want("once it can be read", w.found(run()))
			w.want("people", w.news(), "state.finding_resolved info "+mismatched)
		})
	}
}
