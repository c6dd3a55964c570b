package report_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/report"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func TestWhoRemovedAStuckLock(t *testing.T) {
	t.Parallel()
	taken, removed := monday.Add(-5*time.Hour), monday.Add(time.Hour)
	row, object, both := []tflock.Kind{tflock.DynamoDB}, []tflock.Kind{tflock.S3}, []tflock.Kind{tflock.DynamoDB, tflock.S3}
	creation := event{path: "states/a", etag: "etag-1", session: "gh-84213377-1-1", at: taken}
	removal := func(session string) event {
		return event{path: "states/a", session: session, removed: true, at: removed}
	}
	unknown := alert.Releaser{Who: "unknown", How: alert.ByUnknown, Count: 1}
	holder := alert.Releaser{Who: "holder", How: alert.ByHolder, Count: 1}
	unsure := func(at time.Time, by string) *ledger.Release {
		return &ledger.Release{At: at, Outcome: "partial", RequestedBy: by, Halves: []ledger.Half{{Store: bucket, Kind: tflock.S3, Fate: ledger.HalfUnknown}}}
	}
	for name, tc := range map[string]struct {
		kinds   []tflock.Kind
		gone    time.Time // of the object, where the row outlived it
		events  []event
		release *ledger.Release
		want    alert.Releaser
	}{
		"the session that took it is its holder":                           {kinds: object, events: []event{creation, removal("gh-84213377-1-1")}, want: holder},
		"another session used force-unlock":                                {kinds: object, events: []event{creation, removal("ana@example.com")}, want: alert.Releaser{Who: "ana@example.com", How: alert.BySomebodyElse, Count: 1}},
		"of both halves, the one who removed the object":                   {kinds: both, events: []event{creation, removal("ana@example.com")}, want: alert.Releaser{Who: "ana@example.com", How: alert.BySomebodyElse, Count: 1}},
		"a name is cleaned":                                                {kinds: object, events: []event{creation, removal("ana\x1b[31m")}, want: alert.Releaser{Who: "ana [31m", How: alert.BySomebodyElse, Count: 1}},
		"a session whose name an SDK made up may be the holder's":          {kinds: object, events: []event{{path: "states/a", etag: "etag-1", session: "1795800000000000001", at: taken}, removal("1795860000000000002")}, want: unknown},
		"many runs share the name of an action":                            {kinds: object, events: []event{{path: "states/a", etag: "etag-1", session: "GitHubActions", at: taken}, removal("GitHubActions")}, want: unknown},
		"many runs share a host":                                           {kinds: object, events: []event{{path: "states/a", etag: "etag-1", session: "i-0123456789abcdef0", at: taken}, removal("i-0123456789abcdef0")}, want: unknown},
		"many runs share a word":                                           {kinds: object, events: []event{{path: "states/a", etag: "etag-1", session: "terraform", at: taken}, removal("terraform")}, want: unknown},
		"many runs share the user of a CI system":                          {kinds: object, events: []event{{path: "states/a", etag: "etag-1", principal: "AWS:AIDAEXAMPLECI", at: taken}, {path: "states/a", principal: "AWS:AIDAEXAMPLECI", removed: true, at: removed}}, want: unknown},
		"a person is one holder":                                           {kinds: object, events: []event{{path: "states/a", etag: "etag-1", session: "ana@example.com", at: taken}, removal("ana@example.com")}, want: holder},
		"a build of Jenkins is one holder":                                 {kinds: object, events: []event{{path: "states/a", etag: "etag-1", session: "jenkins-network-17", at: taken}, removal("jenkins-network-17")}, want: holder},
		"another session is not the action's that many share":              {kinds: object, events: []event{{path: "states/a", etag: "etag-1", session: "GitHubActions", at: taken}, removal("ana@example.com")}, want: alert.Releaser{Who: "ana@example.com", How: alert.BySomebodyElse, Count: 1}},
		"a session of Python or of the AWS CLI may be the holder's":        {kinds: object, events: []event{{path: "states/a", etag: "etag-1", session: "botocore-session-1795860000", at: taken}, removal("botocore-session-1795870000")}, want: unknown},
		"one of JavaScript too":                                            {kinds: object, events: []event{{path: "states/a", etag: "etag-1", session: "aws-sdk-js-session-1795860000123", at: taken}, removal("aws-go-sdk-1795860000123456789")}, want: unknown},
		"a name that was made up says nothing of one that was not":         {kinds: object, events: []event{creation, removal("botocore-session-1795870000")}, want: unknown},
		"unless it is of another role":                                     {kinds: object, events: []event{creation, {path: "states/a", principal: "AWS:AROAADMIN:botocore-session-1795870000", session: "botocore-session-1795870000", removed: true, at: removed}}, want: alert.Releaser{Who: "botocore-session-1795870000", How: alert.BySomebodyElse, Count: 1}},
		"without its creation nobody knows":                                {kinds: object, events: []event{removal("ana@example.com")}, want: unknown},
		"without its removal nobody knows":                                 {kinds: object, events: []event{creation}, want: unknown},
		"a row has no witness":                                             {kinds: row, events: []event{creation, removal("ana@example.com")}, want: unknown},
		"a row that outlived its object has none for the rest":             {kinds: both, gone: monday.Add(-time.Hour), events: []event{creation, {path: "states/a", session: "ana@example.com", removed: true, at: monday.Add(-time.Hour)}}, want: unknown},
		"a removal after its end is that of another lock":                  {kinds: object, events: []event{creation, {path: "states/a", session: "ana@example.com", removed: true, at: removed.Add(3 * time.Hour)}}, want: unknown},
		"a removal before a scan that still saw it is that of another":     {kinds: object, events: []event{creation, {path: "states/a", session: "ana@example.com", removed: true, at: monday.Add(-time.Hour)}}, want: unknown},
		"a removal before the first scan that saw it, too":                 {kinds: object, events: []event{creation, {path: "states/a", session: "gh-84213377-1-1", removed: true, at: monday.Add(-3 * time.Hour)}}, want: unknown},
		"we, where our delete was under way and its answer lost":           {kinds: object, events: []event{creation, removal("lockwarden-unlock")}, release: unsure(removed.Add(-time.Second), "bob"), want: alert.Releaser{Who: "bob", How: alert.ByLockwarden, Count: 1}},
		"the holder, although our delete was under way":                    {kinds: object, events: []event{creation, removal("gh-84213377-1-1")}, release: unsure(removed.Add(-time.Second), "bob"), want: holder},
		"not we, where our delete came an hour before":                     {kinds: object, events: []event{creation, removal("ana@example.com")}, release: unsure(removed.Add(-time.Hour), "bob"), want: alert.Releaser{Who: "ana@example.com", How: alert.BySomebodyElse, Count: 1}},
		"nobody knows whether we did, where the answer and the event lack": {kinds: object, release: unsure(removed.Add(-time.Second), "bob"), want: unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := life{path: "states/a", id: "1", kinds: tc.kinds, taken: taken, ended: removed, objectGone: tc.gone}
			w := alone(t, l)
			for _, h := range []int{-2, 0, 2} {
				w.scan(pass{at: monday.Add(time.Duration(h) * time.Hour)})
			}
			for _, e := range tc.events {
				w.deliver(e)
			}
			if tc.release != nil {
				w.check(w.releases.Write(t.Context(), ledger.Key{Path: tflock.Path(l.path), ID: l.id}, *tc.release))
			}
			w.now = monday.Add(3 * time.Hour)
			week := w.week(report.Request{}, "a")
			if !slices.Equal(week.Locks.ReleasedBy, []alert.Releaser{tc.want}) || week.Locks.Released != 1 {
				t.Errorf("%+v", week.Locks)
			}
		})
	}
}

// A stack without a witness says less, and nothing wrong.
func TestWithoutAWitnessTheRemoverIsNotKnown(t *testing.T) {
	t.Parallel()
	w := alone(t, life{path: "states/a", id: "1", kinds: []tflock.Kind{tflock.S3}, taken: monday.Add(-5 * time.Hour), ended: monday.Add(time.Hour)})
	w.scan(pass{at: monday})
	w.scan(pass{at: monday.Add(2 * time.Hour)})
	w.now = monday.Add(3 * time.Hour)
	reporter := w.reporter()
	reporter.Witnesses = nil
	week, err := reporter.Run(t.Context(), report.Request{}, "a")
	if want := []alert.Releaser{{Who: "unknown", How: alert.ByUnknown, Count: 1}}; err != nil || !slices.Equal(week.Locks.ReleasedBy, want) {
		t.Errorf("%+v, %v", week.Locks, err)
	}
}
