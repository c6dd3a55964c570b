package report_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/report"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

func TestParseRequest(t *testing.T) {
	monday := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		payload string
		want    time.Time
		fails   bool
	}{
		"nothing":                 {"", time.Time{}, false},
		"an empty object":         {" {} ", time.Time{}, false},
		"a scheduled time":        {`{"scheduled_time":"2026-11-23T08:00:00Z"}`, monday, false},
		"in another zone":         {`{"scheduled_time":"2026-11-23T09:00:00+01:00"}`, monday, false},
		"an unknown field":        {`{"scheduledTime":"2026-11-23T08:00:00Z"}`, time.Time{}, true},
		"not a time":              {`{"scheduled_time":"<aws.scheduler.scheduled-time>"}`, time.Time{}, true},
		"two objects":             {`{}{}`, time.Time{}, true},
		"no object":               {`[]`, time.Time{}, true},
		"an event of EventBridge": {`{"version":"0","id":"x","time":"2026-11-23T08:00:00Z"}`, time.Time{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := report.ParseRequest([]byte(tc.payload))
			if (err != nil) != tc.fails || !r.ScheduledTime.Equal(tc.want) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// Whoever reports at eight reads what is on record at eight. A scan that is under way then
// records its locks later.
func TestALockIsInTheWeekOfOneReport(t *testing.T) {
	t.Parallel()
	for _, before := range []time.Duration{time.Hour, 16 * time.Minute, 15 * time.Minute, 14 * time.Minute, 3 * time.Second, time.Second, 0, -time.Minute, -time.Hour} {
		t.Run(before.String(), func(t *testing.T) {
			t.Parallel()
			first, second := monday.AddDate(0, 0, 7), monday.AddDate(0, 0, 14)
			at := first.Add(-before)
			w := alone(t, life{path: "states/a", id: "1", kinds: []tflock.Kind{tflock.S3}, taken: at.Add(-time.Second), ended: second.Add(-time.Hour)})
			for h := 0; h < 14*24; h += 3 {
				scanned := monday.Add(time.Duration(h) * time.Hour)
				switch {
				case scanned.Sub(at).Abs() > 90*time.Minute:
					w.passes = append(w.passes, pass{at: scanned})
				default:
					w.passes = append(w.passes, pass{at: at, lasts: 14 * time.Minute})
				}
			}
			taken := 0
			for i, to := range []time.Time{first, second} {
				w.until(to.Add(time.Second))
				w.now = to.Add(time.Duration(1+20*i) * time.Hour / 60) // the second one is late
				taken += *w.week(report.Request{ScheduledTime: to}, to.String()).Locks.Taken
			}
			if taken != 1 {
				t.Errorf("it is in the weeks of %d reports", taken)
			}
		})
	}
}

func TestWhenAReportIsPublished(t *testing.T) {
	t.Parallel()
	w := alone(t)
	w.now = monday
	for i, tc := range []struct {
		request report.Request
		id      string
		events  int
	}{
		{report.Request{ScheduledTime: monday}, "a", 1},
		{report.Request{ScheduledTime: monday}, "b", 1}, // the same schedule, delivered twice
		{report.Request{}, "c", 2},
		{report.Request{}, "c", 2}, // Lambda delivers a request twice
		{report.Request{}, "d", 3},
		{report.Request{ScheduledTime: monday.AddDate(0, 0, -7)}, "e", 4},
	} {
		w.week(tc.request, tc.id)
		if len(w.events) != tc.events {
			t.Errorf("%d: %d events", i, len(w.events))
		}
	}
}

// A schedule delivers late, and again when nobody answered in time.
func TestAReportThatComesLateIsPublishedOnce(t *testing.T) {
	t.Parallel()
	w := alone(t)
	w.scan(pass{at: monday.Add(-time.Hour)})
	request := report.Request{ScheduledTime: monday}
	for _, tc := range []struct {
		late time.Duration
		to   time.Time
	}{
		{50 * time.Minute, monday.Add(-15 * time.Minute)},
		{26 * time.Hour, monday.Add(-15 * time.Minute)}, // published already
	} {
		w.now = monday.Add(tc.late)
		if week := w.week(request, tc.late.String()); !week.To.Equal(tc.to) || len(w.events) != 1 {
			t.Errorf("%s late: to %s, %d events", tc.late, week.To, len(w.events))
		}
	}
	// One that was never published reports that week, however late: the next one begins at its
	// end.
	for _, late := range []time.Duration{30 * time.Hour, 49 * time.Hour, 25 * 24 * time.Hour} {
		request.ScheduledTime = request.ScheduledTime.AddDate(0, 0, 7)
		w.now = request.ScheduledTime.Add(late)
		if week, to := w.week(request, "x"), request.ScheduledTime.Add(-15*time.Minute); !week.To.Equal(to) || !week.From.Equal(to.AddDate(0, 0, -7)) {
			t.Errorf("from %s to %s", week.From, week.To)
		}
	}
}

// A time that has not come names a report that the schedule is still to ask for, and of one
// that is long ago nobody knows the locks any more. Nothing is published for either.
func TestATimeThatIsNotThatOfAWeekIsRefused(t *testing.T) {
	t.Parallel()
	w := alone(t)
	w.scan(pass{at: monday.Add(-time.Hour)})
	for name, tc := range map[string]struct {
		at    time.Time
		words string
	}{
		"next week":            {monday.AddDate(0, 0, 7), "has not come"},
		"in ten minutes":       {monday.Add(10 * time.Minute), "has not come"},
		"a time of the future": {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), "has not come"},
		"a month ago":          {monday.AddDate(0, -1, 0), "begin to expire"},
		"the beginning":        {time.Unix(0, 0), "begin to expire"},
	} {
		w.now = monday
		if _, err := w.reporter().Run(t.Context(), report.Request{ScheduledTime: tc.at}, name); err == nil || !strings.Contains(err.Error(), tc.words) || len(w.events) != 0 {
			t.Errorf("%s: %v, %d events", name, err, len(w.events))
		}
	}
	w.now = monday.AddDate(0, 0, 7)
	w.week(report.Request{ScheduledTime: w.now}, "schedule")
	if len(w.events) != 1 {
		t.Error("an earlier request silenced the report of the schedule")
	}
	w.now = w.now.AddDate(0, 0, 7).Add(-4 * time.Minute) // by its clock; the schedule's is ahead
	w.week(report.Request{ScheduledTime: w.now.Add(4 * time.Minute)}, "early")
	if len(w.events) != 2 {
		t.Error("a schedule whose clock is ahead is refused")
	}
}

// Whoever dies when: an invocation waits for another one that publishes, and takes over
// from one that died.
func TestTwoInvocationsAtOncePublishOnce(t *testing.T) {
	t.Parallel()
	w := alone(t)
	w.now = monday
	slow := &slowTopic{}
	reporter := w.reporter()
	reporter.Topic = slow
	var group sync.WaitGroup
	weeks := make([]alert.Week, 3)
	for i := range weeks {
		group.Go(func() {
			week, err := reporter.Run(t.Context(), report.Request{ScheduledTime: monday}, "a")
			if err != nil {
				t.Error(err)
			}
			weeks[i] = week
		})
	}
	group.Wait()
	if slow.n != 1 || weeks[0].To.IsZero() || !weeks[0].To.Equal(weeks[1].To) || !weeks[0].To.Equal(weeks[2].To) {
		t.Errorf("published %d times: %v", slow.n, weeks)
	}
}

func TestAnInvocationThatDiedIsTakenOverFrom(t *testing.T) {
	t.Parallel()
	w := alone(t)
	w.now = monday
	_, err := w.reports.Claim(t.Context(), ledger.Scheduled(monday), "dead", monday, monday.Add(30*time.Second))
	w.check(err)
	if _, err := w.reports.Claim(t.Context(), ledger.Scheduled(monday), "other", monday, monday.Add(30*time.Second)); !errors.Is(err, ledger.ErrClaimed) {
		t.Errorf("a claim is not held: %v", err)
	}
	w.now = monday.Add(31 * time.Second)
	w.week(report.Request{ScheduledTime: monday}, "a")
	if len(w.events) != 1 {
		t.Errorf("%d events", len(w.events))
	}
}
