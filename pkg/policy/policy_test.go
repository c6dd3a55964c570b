package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

func lock(created time.Time, holdings ...tflock.Holding) tflock.Lock {
	if holdings == nil {
		holdings = []tflock.Holding{row}
	}
	info := tflock.Info{ID: "x", Operation: "OperationTypeApply", Created: created, Who: "me@host"}
	return tflock.Lock{ID: "x", Path: "b/app/terraform.tfstate", Info: info, Holdings: holdings}
}

var row = tflock.Holding{Kind: tflock.DynamoDB, Store: "table"}

func object(modified time.Time) tflock.Holding {
	return tflock.Holding{Kind: tflock.S3, Store: "bucket", Modified: modified}
}

// seenIn is a lock whose holdings in these stores were all in every scan since first.
func seenIn(first, notBefore time.Time, stores ...string) policy.Sighting {
	s := policy.Sighting{FirstSeen: first, NotBefore: notBefore}
	for _, store := range stores {
		s.Holdings = append(s.Holdings, policy.SeenHolding{Store: store, First: first, NotBefore: notBefore})
	}
	return s
}

// half calls a lock stuck after half an hour.
var half = policy.Rules{Thresholds: policy.Thresholds{Default: 30 * time.Minute}, ReleaseGuard: 10 * time.Minute}

// judged is the case of a lock, judged now by half.
func judged(l tflock.Lock, seen policy.Sighting) policy.Case { return judgedBy(half, l, seen, now) }

func judgedBy(rules policy.Rules, l tflock.Lock, seen policy.Sighting, now time.Time) policy.Case {
	c := policy.Case{Lock: l, Seen: seen}
	c.Judge(rules, now)
	return c
}

func TestJudge(t *testing.T) {
	minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	for name, tc := range map[string]struct {
		lock  tflock.Lock
		seen  policy.Sighting
		want  policy.Verdict
		held  time.Duration
		doubt bool
	}{
		"a young lock is fresh":                            {lock: lock(ago(minutes(10))), want: policy.Fresh, held: minutes(10)},
		"a lock held for just its threshold is fresh":      {lock: lock(ago(minutes(30))), want: policy.Fresh, held: minutes(30)},
		"a lock held longer is stuck":                      {lock: lock(ago(minutes(30) + 1)), want: policy.Stuck, held: minutes(30) + 1},
		"an old lock at the very first scan is stuck":      {lock: lock(ago(72 * time.Hour)), want: policy.Stuck, held: 72 * time.Hour},
		"a Created in the future counts from first seen":   {lock: lock(now.Add(48 * time.Hour)), seen: policy.Sighting{FirstSeen: ago(minutes(40)), NotBefore: ago(minutes(45))}, want: policy.Stuck, held: minutes(40), doubt: true},
		"a Created in the future raises no alarm at first": {lock: lock(now.Add(48 * time.Hour)), want: policy.Fresh, held: 0, doubt: true},
		"a Created in year 1 is not very old":              {lock: lock(time.Time{}), want: policy.Fresh, held: 0, doubt: true},
		"a Created in year 1 does not hide the lock":       {lock: lock(time.Time{}), seen: policy.Sighting{FirstSeen: ago(minutes(31))}, want: policy.Stuck, held: minutes(31), doubt: true},
		"a clock that is days behind raises no alarm":      {lock: lock(ago(72 * time.Hour)), seen: policy.Sighting{NotBefore: ago(minutes(5))}, want: policy.Fresh, held: minutes(5), doubt: true},
		"a clock some seconds off is not remarked on":      {lock: lock(now.Add(20 * time.Second)), want: policy.Fresh, held: 0},
		"S3's clock beats the client's":                    {lock: lock(ago(72*time.Hour), object(ago(minutes(7)))), want: policy.Fresh, held: minutes(7)},
		"the older half of two gives the age":              {lock: lock(ago(minutes(3)), object(ago(minutes(50))), tflock.Holding{Kind: tflock.DynamoDB}), want: policy.Stuck, held: minutes(50)},
		"a rewritten object is as old as it was seen":      {lock: lock(now, object(ago(minutes(1)))), seen: policy.Sighting{FirstSeen: ago(minutes(60))}, want: policy.Stuck, held: minutes(60)},
		"what has no ID is unreadable at any age":          {lock: tflock.Lock{Path: "b/k", Holdings: []tflock.Holding{object(ago(minutes(90)))}}, want: policy.Unreadable, held: minutes(90)},
		"a first sighting in the future is ignored":        {lock: lock(ago(minutes(31))), seen: policy.Sighting{FirstSeen: now.Add(minutes(5))}, want: policy.Stuck, held: minutes(31)},
	} {
		t.Run(name, func(t *testing.T) {
			j := judged(tc.lock, tc.seen).Judgement
			if j.Verdict != tc.want || j.Held != tc.held || (j.Doubt != "") != tc.doubt {
				t.Errorf("got %+v", j)
			}
		})
	}
}

// The laws of judging, over any lock, clock and history.
func TestJudgeLaws(t *testing.T) {
	offset := rapid.Int64Range(-int64(400*24*time.Hour), int64(400*24*time.Hour))
	span := rapid.Int64Range(1, int64(30*24*time.Hour))
	rapid.Check(t, func(t *rapid.T) {
		l := lock(now.Add(time.Duration(offset.Draw(t, "created"))))
		if rapid.Bool().Draw(t, "object") {
			l.Holdings = append(l.Holdings, object(now.Add(time.Duration(offset.Draw(t, "modified")))))
		}
		seen := policy.Sighting{}
		if rapid.Bool().Draw(t, "again") {
			seen.FirstSeen = ago(time.Duration(span.Draw(t, "first seen")))
			seen.NotBefore = seen.FirstSeen.Add(-time.Duration(span.Draw(t, "not before")))
			for _, store := range []string{"table", "bucket"} {
				first := seen.FirstSeen.Add(time.Duration(span.Draw(t, "first in "+store)) - 1)
				seen.Holdings = append(seen.Holdings, policy.SeenHolding{Store: store, First: first, NotBefore: seen.NotBefore})
			}
		}
		low, high := time.Duration(span.Draw(t, "threshold")), time.Duration(span.Draw(t, "raise"))
		judge := func(threshold time.Duration, at time.Time) policy.Judgement {
			return judgedBy(policy.Rules{Thresholds: policy.Thresholds{Default: threshold}}, l, seen, at).Judgement
		}
		j, raised := judge(low, now), judge(low+high, now)
		if j.Verdict == policy.Fresh && raised.Verdict == policy.Stuck {
			t.Fatal("a higher threshold made a fresh lock stuck")
		}
		if j.HeldAtLeast < 0 || j.HeldAtLeast > j.Held {
			t.Fatalf("not an interval: %+v", j)
		}
		if j.Held < 0 || j.Since.After(now) {
			t.Fatalf("a lock seen now was taken later: %+v", j)
		}
		if !seen.FirstSeen.IsZero() && (j.Since.Before(seen.NotBefore) || j.Since.After(seen.FirstSeen)) {
			t.Fatalf("the age left the bounds that scans set: %+v", j)
		}
		later := judge(low, now.Add(time.Hour))
		if !seen.FirstSeen.IsZero() && later.Held < j.Held {
			t.Fatalf("a lock grew younger: %s, then %s", j.Held, later.Held)
		}
	})
}

// What is proven of a lock's age, whatever its Created says.
func TestHeldAtLeast(t *testing.T) {
	minutes := func(n int) time.Time { return ago(time.Duration(n) * time.Minute) }
	seen := func(store string, first, notBefore time.Time) policy.SeenHolding {
		return policy.SeenHolding{Store: store, First: first, NotBefore: notBefore}
	}
	unseen := func(notBefore time.Time) policy.SeenHolding {
		return policy.SeenHolding{Store: "table", NotBefore: notBefore}
	}
	for name, tc := range map[string]struct {
		holdings []tflock.Holding
		seen     []policy.SeenHolding
		want     int // minutes
		unseen   bool
	}{
		"a row that no scan has seen":                             {[]tflock.Holding{row}, nil, 0, true},
		"a row that was not there at the last scan":               {[]tflock.Holding{row}, []policy.SeenHolding{unseen(minutes(5))}, 0, true},
		"a row counts from the first scan that saw it":            {[]tflock.Holding{row}, []policy.SeenHolding{seen("table", minutes(40), minutes(45))}, 40, false},
		"an object counts from S3's time":                         {[]tflock.Holding{object(minutes(50))}, nil, 50, false},
		"an object that S3 wrote again counts from then":          {[]tflock.Holding{object(minutes(1))}, []policy.SeenHolding{seen("bucket", minutes(50), minutes(55))}, 1, false},
		"an object of a store whose clock is behind":              {[]tflock.Holding{object(minutes(90))}, []policy.SeenHolding{seen("bucket", minutes(5), minutes(10))}, 10, false},
		"both halves count from S3's time":                        {[]tflock.Holding{row, object(minutes(50))}, nil, 50, false},
		"both halves that came together":                          {[]tflock.Holding{row, object(minutes(50))}, []policy.SeenHolding{seen("table", minutes(48), minutes(53)), seen("bucket", minutes(48), minutes(53))}, 50, false},
		"a row that came long after its object":                   {[]tflock.Holding{row, object(minutes(50))}, []policy.SeenHolding{seen("table", minutes(8), minutes(48)), seen("bucket", minutes(48), minutes(53))}, 8, false},
		"a row that is not there yet at a scan after its object":  {[]tflock.Holding{row, object(minutes(50))}, []policy.SeenHolding{unseen(minutes(5)), seen("bucket", minutes(48), minutes(53))}, 0, true},
		"a row left when its object is gone counts from its scan": {[]tflock.Holding{row}, []policy.SeenHolding{seen("table", minutes(20), minutes(48))}, 20, false},
	} {
		t.Run(name, func(t *testing.T) {
			j := judged(lock(ago(72*time.Hour), tc.holdings...), policy.Sighting{FirstSeen: ago(48 * time.Hour), Holdings: tc.seen})
			if j.HeldAtLeast != time.Duration(tc.want)*time.Minute || j.Unseen != tc.unseen {
				t.Errorf("got %s, unseen %v", j.HeldAtLeast, j.Unseen)
			}
		})
	}
}

func TestMayRelease(t *testing.T) {
	waited := lock(ago(2 * time.Hour))
	old := judged(waited, seenIn(ago(50*time.Minute), ago(55*time.Minute), "table"))
	for name, tc := range map[string]struct {
		c     policy.Case
		state policy.State
		want  bool
		words string
	}{
		"a row that says it is old, and that no scan has seen": {judged(waited, policy.Sighting{}), policy.State{}, false, "no scan has seen this lock before"},
		"a row that one scan saw a minute ago":                 {judged(waited, seenIn(ago(time.Minute), ago(time.Hour), "table")), policy.State{}, false, "proven to be only 1m old"},
		"a young object":                                       {judged(lock(ago(time.Minute), object(ago(time.Minute))), policy.Sighting{}), policy.State{}, false, "only 1m old"},
		"a row that scans have seen for longer than the guard": {old, policy.State{}, true, "at least 50m and at most 55m old"},
		"a state that was written within the guard":            {old, policy.State{Written: ago(9 * time.Minute)}, false, "the state was written 9m ago"},
		"a state that could not be looked at":                  {old, policy.State{Problem: "denied"}, false, "not known: denied"},
		"a state in a bucket that is not watched":              {old, policy.State{Problem: "not watched", Unwatched: true}, true, "nobody could check"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.c.State = tc.state
			ok, why := tc.c.MayRelease()
			if ok != tc.want || !strings.Contains(why, tc.words) {
				t.Errorf("got %v: %s", ok, why)
			}
		})
	}
}

func TestThresholds(t *testing.T) {
	overrides, err := policy.ParseOverrides(" operation:OperationTypePlan=15m, */environments/production/**=2h,*/{a,b}/**=1h,*/x=y/**=90s,operation:state-*=5m,")
	if err != nil {
		t.Fatal(err)
	}
	thresholds := policy.Thresholds{Default: 30 * time.Minute, Overrides: overrides}
	for name, tc := range map[string]struct {
		path, operation string
		want            time.Duration
	}{
		"no match takes the default":           {"b/dev/terraform.tfstate", "OperationTypeApply", 30 * time.Minute},
		"a path matches across folders":        {"b/environments/production/eu/net/terraform.tfstate", "OperationTypeApply", 2 * time.Hour},
		"the first match wins":                 {"b/environments/production/net.tfstate", "OperationTypePlan", 15 * time.Minute},
		"a comma in braces belongs to a glob":  {"b/b/terraform.tfstate", "init", time.Hour},
		"the last equals sign parts a pair":    {"b/x=y/terraform.tfstate", "init", 90 * time.Second},
		"an operation may be a glob":           {"b/k", "state-mv", 5 * time.Minute},
		"a single star stays in its folder":    {"b/c/environments/production/net.tfstate", "init", 30 * time.Minute},
		"an operation's name is not a path":    {"operation:OperationTypePlan", "init", 30 * time.Minute},
		"a path is not an operation's pattern": {"OperationTypePlan", "", 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if got := thresholds.For(tc.path, tc.operation); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestParseOverridesSaysWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"without a duration":         {"*/production/**", "glob=duration"},
		"a duration of zero":         {"*/a=0s", "above zero"},
		"a negative duration":        {"*/a=-5m", "above zero"},
		"a duration without a unit":  {"*/a=30", "90s, 30m or 2h"},
		"a glob that does not close": {"*/[a=30m", "the glob is not valid"},
		"no glob":                    {"=30m", "the glob is not valid"},
		"no operation":               {"operation:=30m", "the glob is not valid"},
		"every wrong pair is named":  {"a,*/b=2h,c", `"c"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := policy.ParseOverrides(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestEvidence(t *testing.T) {
	again := seenIn(ago(50*time.Minute), ago(55*time.Minute), "table")
	lost := again
	lost.Kinds = []tflock.Kind{tflock.DynamoDB, tflock.S3}
	old := lock(ago(55 * time.Minute))
	for name, tc := range map[string]struct {
		lock  tflock.Lock
		seen  policy.Sighting
		state policy.State
		want  policy.Liveness
		words string
	}{
		"a recent write under the lock is a sign of life":                  {old, again, policy.State{Written: ago(2 * time.Minute)}, policy.PossiblyLive, "written 2m ago, under this lock"},
		"a sign of life counts at the first scan too":                      {old, policy.Sighting{}, policy.State{Written: ago(2 * time.Minute)}, policy.PossiblyLive, "first seen in this scan"},
		"a write long ago under the lock is none":                          {old, again, policy.State{Written: ago(20 * time.Minute)}, policy.LikelyOrphan, "but not for 20m"},
		"a write before the lock is none":                                  {old, again, policy.State{Written: ago(5 * time.Hour)}, policy.LikelyOrphan, "before the lock was taken"},
		"no state at all is not a sign of life":                            {old, again, policy.State{}, policy.LikelyOrphan, "no state has been written"},
		"stuck at the first scan is not known yet":                         {old, policy.Sighting{}, policy.State{}, policy.Unknown, "the next one will show more"},
		"a fresh lock without a write is not known":                        {lock(ago(5 * time.Minute)), policy.Sighting{FirstSeen: ago(time.Minute)}, policy.State{}, policy.Unknown, "within its threshold of 30m"},
		"a state that nobody could look at leaves it not known":            {old, again, policy.State{Problem: "bucket b is not watched"}, policy.Unknown, "bucket b is not watched"},
		"a waiting client's object, met again and again, is not an orphan": {lock(ago(2*time.Hour), object(ago(10*time.Second))), seenIn(ago(50*time.Minute), ago(55*time.Minute), "bucket"), policy.State{}, policy.Unknown, "taken after them"},
		"a wait is called a wait":                                          {lock(ago(2 * time.Hour)), again, policy.State{}, policy.LikelyOrphan, "the holder waited for the lock: it began to ask at 2026-11-23 10:00 UTC"},
		"a wrong clock is put in words":                                    {lock(now.Add(72 * time.Hour)), again, policy.State{}, policy.LikelyOrphan, "the holder's clock is wrong"},
		"a half-lock is named":                                             {old, lost, policy.State{}, policy.LikelyOrphan, "half-lock: its S3 half is gone, its DynamoDB half is left"},
		"a conflict is named":                                              {tflock.Lock{ID: "x", Path: "b/k", Holdings: old.Holdings, Rivals: []string{"y"}}, again, policy.State{}, policy.LikelyOrphan, "conflict: the same state is also locked by y"},
		"what another lock is called is quoted":                            {tflock.Lock{ID: "x", Path: "b/k", Holdings: old.Holdings, Rivals: []string{"y. Release that one first"}}, again, policy.State{}, policy.LikelyOrphan, `conflict: the same state is also locked by "y. Release that one first": two runs`},
		"an unreadable one says why, and that it is left alone":            {tflock.Lock{Path: "b/k", Holdings: []tflock.Holding{{Err: tflock.ErrForeign}}}, again, policy.State{}, policy.Unknown, "never touched"},
	} {
		t.Run(name, func(t *testing.T) {
			c := judged(tc.lock, tc.seen)
			c.State = tc.state
			e := c.Evidence()
			if e.Liveness != tc.want || !strings.Contains(strings.Join(e.Reasons, "\n"), tc.words) {
				t.Errorf("got %s: %q", e.Liveness, e.Reasons)
			}
		})
	}
}

func TestNewFindingBoundsWhatAHolderWrote(t *testing.T) {
	l := lock(ago(time.Hour))
	l.Info.Who = strings.Repeat("é", 100_000)
	l.ID = strings.Repeat("x", 100_000)
	f := judged(l, policy.Sighting{}).Describe()
	if len(f.Who) > 256 || len(f.ID) > 1024 || !strings.HasSuffix(f.Who, "é…") {
		t.Errorf("%d bytes of Who, %d of ID, ends in %q", len(f.Who), len(f.ID), f.Who[len(f.Who)-5:])
	}
	if f.Held() != time.Hour || f.Created == nil {
		t.Errorf("got %+v", f)
	}
	if f := (policy.Case{Lock: lock(time.Time{})}).Describe(); f.Created != nil {
		t.Error("a year 1 is not a claim to show")
	}
}

func TestWords(t *testing.T) {
	got := map[string]string{}
	want := map[string]string{
		"0s": "0s", "1.5s": "1s", "90s": "1m30s", "9m59s": "9m59s", "38m20s": "38m", "1h": "1h", "3h12m40s": "3h12m", "10h0m5s": "10h", "52h10m": "2d4h", "48h": "2d", "12ms": "12ms",
	}
	for in := range want {
		d, err := time.ParseDuration(in)
		if err != nil {
			t.Fatal(err)
		}
		got[in] = policy.Words(d)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A no-break space is a character of a glob, as it is for the deploy's check: what the
// deploy takes must not keep a function from starting.
func TestOnlyBlanksOfASCIIAreTrimmed(t *testing.T) {
	overrides, err := policy.ParseOverrides(" operation:x=1m ,\u00a0/=1h")
	if err != nil || len(overrides) != 2 || overrides[1].Pattern != "\u00a0/" {
		t.Errorf("%+v, %v", overrides, err)
	}
}
