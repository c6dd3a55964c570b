package console_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/console"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func stale(path string, change ...func(*policy.Stale)) policy.Stale {
	s := policy.Stale{Path: tflock.Path(path), Fate: policy.Kept, Serial: 7, LastModified: noon.AddDate(0, -3, 0)}
	for _, c := range change {
		c(&s)
	}
	return s
}

func found() console.Prunings {
	return console.Prunings{
		Self: self,
		Report: prune.Report{
			DryRun: true, Examined: 5, Abandoned: 1, Pruned: []policy.Stale{stale("states/branches/done/terraform.tfstate")},
			Kept: []policy.Stale{
				stale("states/branches/demo/terraform.tfstate", func(s *policy.Stale) {
					s.Reason, s.ManagedObjects, s.Types = policy.KeptHasResources, 14, []policy.TypeCount{{Type: "aws_instance", Count: 9}, {Type: "aws_vpc", Count: 5}}
				}),
				stale("states/branches/shared/terraform.tfstate", func(s *policy.Stale) {
					s.Reason, s.Why = policy.KeptHasOutputs, "it has 2 outputs that other configurations may read"
				}),
				stale("states/branches/kept/terraform.tfstate", func(s *policy.Stale) { s.Reason, s.ManagedObjects = policy.KeptProtected, 3 }),
			},
		},
		Lately: []ledger.Pruned{{At: noon.AddDate(0, 0, -2), State: stale("states/branches/gone/terraform.tfstate")}},
	}
}

func at(t testing.TB, form map[string]string) widget.Context {
	t.Helper()
	c, _ := widget.Split([]byte(fmt.Sprintf(`{"return_to": %q, "widgetContext": %s}`, self, local.DashboardContext("light", 1280, "+02:00", form))))
	return *c
}

func TestThePageOfStatesReads(t *testing.T) {
	golden(t, "states", parse(t, console.Pruned(at(t, nil), found(), nil)))
	t.Run("in part", func(t *testing.T) {
		p := found()
		p.Report.StoppedEarly, p.Report.Omitted, p.Report.Errors = true, 12, []string{"arn:aws:s3:::states: access denied"}
		golden(t, "states-in-part", parse(t, console.Pruned(at(t, nil), p, nil)))
	})
	t.Run("none", func(t *testing.T) {
		golden(t, "states-none", parse(t, console.Pruned(widget.Context{}, console.Prunings{}, nil)))
	})
	t.Run("a thousand of each are cut to what a page can show", func(t *testing.T) {
		p := found()
		for i := range 1000 {
			p.Report.Kept = append(p.Report.Kept, stale(fmt.Sprintf("states/%s/%d", strings.Repeat("<", 900), i)))
			p.Lately = append(p.Lately, ledger.Pruned{State: stale(fmt.Sprintf("states/%s/%d", strings.Repeat("<", 900), i))})
		}
		text := console.Pruned(at(t, nil), p, nil)
		if page := parse(t, text); !strings.Contains(page.Text(nil), "100 of 1002 states, some of each prefix") || len(page.Buttons("Restore")) != 100 || len(text) > 4<<20 {
			t.Errorf("%d bytes: %s", len(text), page.Text(nil)[:300])
		}
	})
}

func TestAnswersReadInWords(t *testing.T) {
	f := policy.Description{ID: "78007e4f-7284-5b8c-b34c-620445a03e9c", Path: "states/network/production/terraform.tfstate", Who: "ana@laptop"}
	say := func(o unlock.Outcome) unlock.Answer {
		return unlock.Answer{Outcome: o, Message: "What happened, at 2026-11-23 12:00 UTC.", Lock: &f, NextSteps: []string{"Do this.", "Then that."}}
	}
	for name, tc := range map[string]struct{ page, want string }{
		"released":            {console.Released(at(t, nil), say(unlock.Released), nil), "✓ Released What happened, at 2026-11-23 14:00 (UTC+02:00). Next Do this. Then that."},
		"would be released":   {console.Released(at(t, nil), say(unlock.WouldRelease), nil), "? It would be released"},
		"refused":             {console.Released(at(t, nil), say(unlock.Refused), nil), "▲ Not released What happened"},
		"not found":           {console.Released(at(t, nil), say(unlock.NotFound), nil), "? It is not there"},
		"changed":             {console.Released(at(t, nil), say(unlock.Changed), nil), "▲ Another lock is there now"},
		"ambiguous":           {console.Released(at(t, nil), say(unlock.Ambiguous), nil), "? Which lock is meant is not clear"},
		"in part":             {console.Released(at(t, nil), say(unlock.Partial), nil), "▲ Released in part, or not known"},
		"not answered":        {console.Released(at(t, nil), unlock.Answer{}, errors.New("the ledger is gone")), "▲ Not released the ledger is gone"},
		"restored":            {console.Pruned(at(t, nil), prune.Answer{Outcome: prune.Restored, Message: "Serial 7 is back."}, nil), "✓ Restored Serial 7 is back."},
		"restored, not quite": {console.Pruned(at(t, nil), prune.Answer{Outcome: prune.Restored}, errors.New("its lock is left")), "Not all went well: its lock is left"},
		"not restored":        {console.Pruned(at(t, nil), prune.Answer{Outcome: prune.Refused, Message: "There is a state."}, nil), "▲ Not restored There is a state."},
		"nothing to restore":  {console.Pruned(at(t, nil), prune.Answer{Outcome: prune.NotFound, Message: "No version."}, nil), "? There is nothing to restore"},
		"restore failed":      {console.Pruned(at(t, nil), prune.Answer{}, errors.New("access denied")), "▲ Not restored access denied"},
		"states not known":    {console.Pruned(at(t, nil), nil, errors.New("access denied")), "▲ The stale states are not known access denied"},
	} {
		t.Run(name, func(t *testing.T) {
			page := parse(t, tc.page)
			if harmless(t, page); !strings.Contains(page.Text(nil), tc.want) {
				t.Errorf("it says %s", page.Text(nil))
			}
		})
	}
}

// A dashboard calls a function at every refresh: whatever it asks for, it gets a dry run.
func TestADashboardNeverPrunes(t *testing.T) {
	p := &recording{}
	got, err := console.DryRun(t.Context(), p, p, "request", self)
	if err != nil || !p.asked.DryRun || got.Self != self || len(got.Lately) != 1 || !p.bounded {
		t.Errorf("asked for %+v, got %+v, %v", p.asked, got, err)
	}
}

func TestWhoAndWhyComeFromThePage(t *testing.T) {
	r := unlock.Request{Reason: "an alert", RequestedBy: "on-call"}
	if got, err := console.Signed(r, nil); got != r || err != nil {
		t.Errorf("a machine's request became %+v, %v", got, err)
	}
	c := at(t, nil)
	c.Refresh = false
	if got, err := console.Signed(r, &c); got != r || err != nil {
		t.Errorf("an empty form made %+v, %v", got, err)
	}
	c = at(t, map[string]string{"name": "ana\nroot", "reason": strings.Repeat("because ", 100)})
	c.Refresh = false
	got, err := console.Signed(r, &c)
	if err != nil || got.RequestedBy != "ana root (from dashboard lockwarden, widget widget-1, account 123456789012)" || len(got.Reason) > 500 || !strings.HasPrefix(got.Reason, "because because") {
		t.Errorf("got %+v", got)
	}
}

func TestADashboardReleasesByAClickOnlyAndNeverByForce(t *testing.T) {
	c := at(t, nil)
	c.Refresh = true
	if _, err := console.Signed(unlock.Request{LockID: "x"}, &c); !errors.Is(err, widget.ErrRefresh) {
		t.Errorf("a refresh: %v", err)
	}
	c.Refresh = false
	if _, err := console.Signed(unlock.Request{LockID: "x", Force: true}, &c); err == nil || !strings.Contains(err.Error(), "cannot release a lock with force") {
		t.Errorf("a click with force: %v", err)
	}
	if _, err := console.Signed(unlock.Request{LockID: "x", Force: true}, nil); err != nil {
		t.Errorf("a machine with force: %v", err)
	}
}

// Whatever an answer or a state says, it is text.
func FuzzAnswers(f *testing.F) {
	for _, text := range []string{"states/k", "<img src=x onerror=alert(1)>", `"><script>`, "</style>", "\u202e", "\x00\xff", "&lt;"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := at(t, map[string]string{"name": text})
		s := stale(text, func(s *policy.Stale) {
			s.Why, s.ManagedObjects, s.Types = text, 1, []policy.TypeCount{{Type: text, Count: 1}}
		})
		p := console.Prunings{Report: prune.Report{Kept: []policy.Stale{s}, Pruned: []policy.Stale{s}, Errors: []string{text}}, Lately: []ledger.Pruned{{State: s}}, Self: text}
		for _, html := range []string{
			console.Pruned(c, p, nil), console.Pruned(c, prune.Answer{Message: text}, nil), console.Unread(c, errors.New(text)),
			console.Released(c, unlock.Answer{Outcome: unlock.Outcome(text), Message: text, NextSteps: []string{text}}, nil),
		} {
			page := parse(t, html)
			harmless(t, page)
			if line := plain.Line(text, 200); len(text) < 100 && !strings.Contains(page.Text(nil), strings.Join(strings.Fields(line), " ")) {
				t.Errorf("%q is not shown: %s", line, page.Text(nil))
			}
		}
	})
}

func TestSampleEventsAreAnswered(t *testing.T) {
	w := newWorldIn(t, "states")
	w.reports = report(t)
	w.lock("states/network/production/terraform.tfstate", time.Hour)
	w.lock("states/app/terraform.tfstate", time.Hour)
	for name, want := range map[string]string{
		"locks": "Locks 1 to 2 of 2", "second-page": "Locks 2 to 2 of 2", "one-team": "Locks 1 to 1 of 1", "wrong-parameter": "from 1 to 200", "describe": "## Lockwarden",
		"states": "States 1 to 4 of 4", "states-as-json": `"matching":2`,
	} {
		event, err := os.ReadFile(filepath.Join(local.Root(), "events", "console-"+name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if answer := w.answer(string(event)); !strings.Contains(answer, want) {
			t.Errorf("%s: %q is missing in %s", name, want, answer)
		}
	}
	files, err := filepath.Glob(filepath.Join(local.Root(), "events", "console-*.json"))
	if err != nil || len(files) != 7 {
		t.Errorf("%d sample events, %v", len(files), err)
	}
}
