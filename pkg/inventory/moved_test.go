package inventory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// byLockfile writes a state as a client does that locks by lockfile alone: the lockfile, the state, no
// digest, and the lockfile goes.
func (w *world) byLockfile(content string) {
	w.Helper()
	w.put(key+".tflock", "{}")
	w.put(key, content)
	w.Remove(key + ".tflock")
}

// unversioned has the bucket keep no versions from now on.
func (w *world) unversioned() {
	w.Helper()
	if _, err := server.S3().PutBucketVersioning(context.Background(), &s3.PutBucketVersioningInput{
		Bucket: &w.Bucket, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusSuspended},
	}); err != nil {
		w.Fatal(err)
	}
}

// expire removes what is not the newest, as a lifecycle rule does: of every object with that prefix.
func (w *world) expire(prefix string) {
	w.Helper()
	client := server.S3()
	all, err := client.ListObjectVersions(context.Background(), &s3.ListObjectVersionsInput{Bucket: &w.Bucket, Prefix: &prefix})
	if err != nil {
		w.Fatal(err)
	}
	remove := func(key, version *string) {
		if _, err := client.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: key, VersionId: version}); err != nil {
			w.Fatal(err)
		}
	}
	for _, v := range all.Versions {
		if !aws.ToBool(v.IsLatest) {
			remove(v.Key, v.VersionId)
		}
	}
	for _, m := range all.DeleteMarkers { // one that is alone expires too
		remove(m.Key, m.VersionId)
	}
}

func (w *world) daysPass() {
	w.Helper()
	if err := server.Age(w.Bucket, "", 48*time.Hour); err != nil {
		w.Fatal(err)
	}
}

// lockedInTable is what the monitor keeps of one lock in the table.
func lockedInTable(at time.Time) []policy.LockingSeen {
	return []policy.LockingSeen{{Locking: policy.ByTable, First: at, Last: at, Locks: 1}}
}

// Nobody is warned of the digest that the first apply after a move to lockfiles leaves behind, where the
// bucket shows nothing of how the state was written; and whoever uses the table is, where it does.
func TestTheFirstApplyAfterAMoveThatLeavesNoTrace(t *testing.T) {
	t.Parallel()
	const notKnown, fails = "by now is not known", "Every run whose client reads digests"
	for name, tc := range map[string]struct {
		before, after  func(w *world) // the apply, by a client that is another one before
		severity, says string
		move           policy.Move
	}{
		"a bucket without versions": {
			(*world).unversioned, func(w *world) { w.byLockfile(stateOf(2, "one")) },
			policy.SeverityInfo, notKnown, policy.MoveUnknown,
		},
		"versioning came with the move": {
			(*world).unversioned, func(w *world) {
				w.byLockfile(stateOf(2, "one"))
				if _, err := server.S3().PutBucketVersioning(context.Background(), &s3.PutBucketVersioningInput{
					Bucket: &w.Bucket, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled},
				}); err != nil {
					w.Fatal(err)
				}
			},
			policy.SeverityInfo, notKnown, policy.MoveUnknown,
		},
		"one whose clients were seen in the table before that": {
			func(w *world) {
				w.unversioned()
				w.locking[w.Path(key)] = lockedInTable(time.Now().Add(-time.Hour))
			}, func(w *world) { w.byLockfile(stateOf(2, "one")) },
			policy.SeverityInfo, notKnown, policy.MoveUnknown,
		},
		"one whose clients are seen in the table after that": {
			(*world).unversioned, func(w *world) {
				w.put(key, stateOf(2, "one"))
				w.locking[w.Path(key)] = lockedInTable(time.Now().Add(time.Hour))
			},
			policy.SeverityWarning, fails, policy.MoveUnknown,
		},
		"what was there has expired": {
			nil, func(w *world) {
				w.byLockfile(stateOf(2, "one"))
				w.daysPass()
				w.expire(key)
			},
			policy.SeverityInfo, notKnown, policy.MoveUnknown,
		},
		"the lockfile's history has expired, and several applies came": {
			nil, func(w *world) {
				w.byLockfile(stateOf(2, "one"))
				w.daysPass()
				w.expire(key)
				w.byLockfile(stateOf(3, "one"))
			},
			policy.SeverityInfo, notKnown, policy.MoveUnknown,
		},
		"a client of the table, days ago: the version before is there, and no lockfile": {
			nil, func(w *world) {
				w.put(key, stateOf(2, "one"))
				w.daysPass()
			},
			policy.SeverityWarning, "How this state is locked is not known, since no lock", "",
		},
		"a client of the table, just now: nothing can have expired": {
			nil, func(w *world) {
				w.put(key, stateOf(2, "one"))
				w.expire(key)
			},
			policy.SeverityWarning, "How this state is locked is not known, since no lock", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if tc.before != nil {
				tc.before(w)
			}
			w.apply(key, stateOf(1, "one"))
			w.want("findings before the move", w.found(w.run()))
			tc.after(w)
			for _, which := range []string{"at first", "in a later run, in which nothing changed"} {
				report := w.run()
				if len(report.Findings) != 1 {
					t.Fatalf("%s: %+v", which, report.Findings)
				}
				f := report.Findings[0]
				if f.Severity != tc.severity || f.Evidence.Move != tc.move || !strings.Contains(f.Text, tc.says) || f.Fix == nil || f.Fix.Action != policy.AcceptState {
					t.Errorf("%s: %s, move %q, fix %+v: %s", which, f.Severity, f.Evidence.Move, f.Fix, f.Text)
				}
				if tc.severity == policy.SeverityInfo && !strings.Contains(f.Text, "If its clients use this table") {
					t.Errorf("%s: what it is otherwise is missing: %s", which, f.Text)
				}
			}
			w.want("people", w.news(), "state.finding "+tc.severity+" digest_mismatch of "+key)
		})
	}
}

// What may have been a move turns out to be a digest that stops clients: people who took it for a move are notified of that.
func TestAFindingThatBecomesWorseIsNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.unversioned()
	w.apply(key, stateOf(1, "one"))
	w.run()
	w.byLockfile(stateOf(2, "one"))
	w.run()
	w.want("people", w.news(), "state.finding info digest_mismatch of "+key)
	w.locking[w.Path(key)] = lockedInTable(time.Now().Add(time.Hour))
	w.run()
	w.run()
	w.want("people, once the table is in use", w.news(), "state.finding warning digest_mismatch of "+key)
	delete(w.locking, w.Path(key))
	w.run()
	w.want("people, when no lock is remembered any more", w.news())
	w.apply(key, stateOf(3, "one"))
	w.run()
	w.want("people, when the digest is right", w.news(), "state.finding_resolved info digest_mismatch of "+key)
}

// A state whose clients lock in both places has digests in two tables: the one of today, and one that is
// left from an earlier table. Somebody deletes the one of today. Its clients are not taken for clients of
// lockfiles alone, and with one of the table beside them they are no mixed team.
func TestADigestOfTwoThatSomebodyDeletes(t *testing.T) {
	t.Parallel()
	for steps, locking := range map[string]string{"BiBdi": "both", "BiBdiBdi": "both", "BiTiBdiTi": "table", "BdiTiBdiTiBdi": "table"} {
		t.Run(steps, func(t *testing.T) {
			t.Parallel()
			m := newTeam(t)
			m.do("Ti")
			m.leave(m.newest)
			m.do(steps)
			if got := m.column(); got != locking {
				t.Errorf("the report says that it is locked by %q, want %q", got, locking)
			}
			if len(m.last.Findings) != 1 || m.last.Findings[0].Type != policy.FindingDigestMismatch || strings.Contains(m.last.Findings[0].Text, "clients have moved") {
				t.Errorf("%+v", m.last.Findings)
			}
		})
	}
}

// While the table of today has the right digest, that of another table says nothing of a move.
func TestADigestOfAnEarlierTable(t *testing.T) {
	t.Parallel()
	m := newTeam(t)
	m.do("Ti")
	m.leave(m.newest)
	m.do("BiBi")
	if len(m.last.Findings) != 1 || m.last.Findings[0].Severity != policy.SeverityInfo || !strings.Contains(m.last.Findings[0].Text, "Another table has the right digest") || m.last.Findings[0].Evidence.Move != "" {
		t.Errorf("%+v", m.last.Findings)
	}
}
