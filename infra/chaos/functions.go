package main

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// function is one that is tried. A new one is one more of these.
type function struct {
	name string
	// run invokes it once over that AWS. It gives the outcome that the answer names; an
	// answer that admits an error is one.
	run func(ctx context.Context, w *world, cfg aws.Config, requestID string) (outcome string, err error)
	expected
	// elsewhere is what is expected in scenes where it is something else.
	elsewhere map[scene]expected
	// repeated says that Lambda repeats a failed invocation, with the same request ID.
	repeated bool
	// next is how much later the next run comes, by itself or because somebody asks again.
	next time.Duration
	// heals is how many of them in a row complete what a failure left undone; 0: one.
	heals int
	// falseClaims says what an answer claims that is not so. Only answers without an error
	// claim something.
	falseClaims func(w *world, c contents, outcome string) violations
}

// expected is what comes of a function when nothing goes wrong, or in the end.
type expected struct {
	outcome string
	// notifies is what people must have been notified of in the end: an event's type and its path.
	notifies []string
	// atEnd says what is not as this function must leave it in the end.
	atEnd func(w *world, c contents) violations
}

func (f function) in(s scene) expected {
	if e, is := f.elsewhere[s]; is {
		return e
	}
	return f.expected
}

// repairOf is a repair of one state, which claims too much where it says that it is repaired and is not.
func repairOf(name string, run func(context.Context, *world, aws.Config, string) (string, error), path string, atEnd func(*world, contents) violations, wrong string) function {
	return function{
		name: name, run: run, next: time.Hour,
		expected:  expected{"repaired", []string{"state.repaired " + path}, atEnd},
		elsewhere: held("locked"),
		falseClaims: func(w *world, c contents, outcome string) violations {
			return when(outcome == "repaired" && len(atEnd(w, c)) > 0, "it says repaired, and "+wrong).
				and(len(w.ownLocks(c)) > 0, "it has an answer, and left its lock")
		},
	}
}

var functions = []function{
	{
		name: "monitor", run: runMonitor, next: 5 * time.Minute, heals: 2,
		expected: expected{"complete: 2 held, 2 stuck, 1 unreadable", monitorNotifies, monitorAtEnd},
		elsewhere: map[scene]expected{
			archived: {"complete: 2 held, 2 stuck, 2 unreadable", append([]string{"lock.unreadable " + away}, monitorNotifies...), monitorAtEnd},
			noKey:    {"complete: 2 held, 2 stuck, 2 unreadable", append([]string{"lock.unreadable " + away}, monitorNotifies...), monitorAtEnd},
		},
		falseClaims: func(_ *world, c contents, outcome string) violations {
			var held, stuck, unreadable int
			_, err := fmt.Sscanf(outcome, "complete: %d held, %d stuck, %d unreadable", &held, &stuck, &unreadable)
			return when(err != nil || held+unreadable < c.paths(), "no error, and yet not every lock was seen: "+outcome)
		},
	},
	{
		name: "unlock", run: runUnlockNamed, next: 2 * time.Minute,
		expected: expected{"released", []string{"lock.released " + named}, releasedAtEnd},
		elsewhere: map[scene]expected{
			archivedHalf: {"partial, and something cannot be read", []string{"lock.released " + named}, func(w *world, c contents) violations {
				return when(c.locks[w.Table+" "+named] != "", "the readable half of the named lock is still there").
					and(c.locks[inBucket+" "+named] == "", "something unreadable was removed")
			}},
			archivedLock: {"refused, and something cannot be read", []string{"lock.refused " + named}, nothingReleased},
			slashesFresh: {"refused", []string{"lock.refused " + doubled(named)}, nothingReleased},
		},
		falseClaims: func(w *world, c contents, outcome string) violations {
			there := w.holds(c, named)
			return when(strings.HasPrefix(outcome, "released") && there, "it says released, and the lock is there").
				and(outcome == "not_found" && there, "it says not found, and the lock is there"). // and not that something cannot be read
				and(outcome == "changed" && len(w.rivals) == 0, "it says that another lock is there now, and none is")
		},
	},
	{
		name: "prune", run: runPrune, repeated: true, next: 7 * 24 * time.Hour, heals: 2, // the first leaves out where the one before left a lock
		expected: expected{"pruned 1, kept 1", []string{"prune.report " + empty, "prune.report " + full, "prune.report " + unreported}, prunedAtEnd},
		elsewhere: map[scene]expected{
			crowd: {"pruned 7, kept 1", []string{"prune.report " + empty, "prune.report " + full, "prune.report " + unreported}, prunedAtEnd},
			reapplied: {"pruned 1, kept 1", []string{"prune.report " + empty, "prune.report " + full}, func(w *world, c contents) violations {
				events, err := w.events()
				return prunedAtEnd(w, c).and(c.deleted[unreported], "a state was deleted that a client had just written").
					and(err != nil || events["prune.report "+unreported] > 0 || c.remembers("pruned", string(w.Path(unreported))), "a state counts as pruned that was never deleted")
			}},
			theirRow: prunedNone, theirObject: prunedNone,
			slashes: {"pruned 0, kept 2", []string{"prune.report " + full, "prune.report " + unreported}, func(_ *world, c contents) violations {
				return when(c.deleted[empty], "a state was deleted that an old client has locked")
			}},
		},
		falseClaims: func(w *world, c contents, outcome string) violations {
			return when(len(w.ownLocks(c)) > 0, "it reports success, and left its lock").
				and(strings.HasPrefix(outcome, "pruned 1") && !c.deleted[empty], "it says pruned, and the state is there")
		},
	},
	repairOf("accept", runAccept, mismatched, acceptedAtEnd, "the digest is not right"),
	repairOf("roll back", runRollBack, rolledBack, rolledBackAtEnd, "the state is not the old one"),
	repairOf("delete digest", runDeleteDigest, orphaned, digestDeletedAtEnd, "the digest is there"),
	{
		name: "witness", run: runWitness, repeated: true, next: time.Minute,
		expected: expected{"recorded", nil, func(w *world, c contents) violations {
			return when(!strings.Contains(c.record("witness", string(w.Path(named))), taker), "nobody recorded who took the named lock")
		}},
		falseClaims: func(w *world, c contents, _ string) violations {
			return when(!c.remembers("witness", string(w.Path(named))), "it reports success, and recorded nothing")
		},
	},
	{
		name: "restore", run: runRestore, next: time.Hour,
		expected: expected{"restored", nil, func(w *world, c contents) violations {
			return when(c.deleted[restored], "the state was not restored").
				and(c.remembers("pruned", string(w.Path(restored))), "the ledger lists a restored state as pruned")
		}},
		elsewhere: held("refused"),
		falseClaims: func(_ *world, c contents, outcome string) violations {
			return when(outcome == "restored" && c.deleted[restored], "it says restored, and the state is not there")
		},
	},
}

// prunedNone is what is expected of a prune where a client has half of the lock of its only empty state.
var prunedNone = expected{"pruned 0, kept 2", []string{"prune.report " + full, "prune.report " + unreported}, (*world).keptUnderLocks}

var monitorNotifies = []string{"lock.stuck " + named, "lock.unreadable " + foreign, "lock.resolved " + gone, "scan.recovered spare"}

func monitorAtEnd(w *world, c contents) violations {
	return when(!c.remembers("lock", string(w.Path(other))), "the ledger does not know a lock that is held").
		and(c.remembers("lock", string(w.Path(named))) != w.holds(c, named), "the ledger does not know whether the named lock is held").
		and(c.remembers("lock", string(w.Path(gone))), "the ledger still knows a lock that is gone")
}

func releasedAtEnd(w *world, c contents) violations {
	return when(w.holds(c, named), "the named lock is still there").
		and(!c.remembers("release", string(w.Path(named))), "the release is not on record").
		and(!strings.Contains(c.record("release", string(w.Path(named))), `"finished":true`), "the release is on record as not finished").
		and(c.hasRow("unfinished", string(w.Path(named))), "a release remains to be finished")
}

func nothingReleased(w *world, c contents) violations {
	return when(!maps.Equal(c.locks, w.first.locks), "a lock was released that had to be refused")
}

func prunedAtEnd(w *world, c contents) violations {
	return when(!c.deleted[empty], "the stale, empty state is still there").
		and(!c.remembers("pruned", string(w.Path(empty))), "the prune is not on record").
		and(c.unreported() > 0, "the ledger believes that a prune was not reported")
}
