package console

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/widget"
)

type memory interface {
	Recall(ctx context.Context) (ledger.Memory, error)
}

// scanner lists the current locks.
type scanner interface {
	Read(ctx context.Context) *scan.Scan
}

type autoReleases interface {
	Recall(ctx context.Context) (ledger.AutoMemory, error)
}

// witnesses know who took lock objects, from S3's own events: evidence alone.
type witnesses interface {
	AddTo(ctx context.Context, cases []policy.Case) (map[ledger.Object]ledger.Witnessed, error)
}

// Console draws the page of locks.
type Console struct {
	Scanner      scanner
	Ledger       memory
	Witnesses    witnesses    // nil: who took a lock is unknown
	Unlock       string       // ARN of the unlock function
	AutoReleases autoReleases // what the monitor found out about runs and automatic releases; nil: nothing is shown of it
	Prune        string       // ARN of the prune function; empty: no button leads to its page
	Weeks        weeks        // nil: the page has no weekly reports
	Reports      reports      // the inventory's; nil: no button leads to them
	Repair       string       // ARN of the repair function; empty: findings have no buttons
}

// Reply answers a request for JSON with a Report, or says why there is none, and any other
// event as Answer does.
func (c *Console) Reply(ctx context.Context, event []byte, self string) (any, error) {
	at, request := widget.Split(event)
	if at != nil {
		return c.Answer(ctx, event, self), nil
	}
	r, err := ParseRequest(request)
	switch {
	case !r.JSON:
		return c.Answer(ctx, event, self), nil
	case err != nil:
		return nil, err
	}
	report, err := c.report(ctx, r)
	return report.fit(), err
}

// Answer answers an event of a dashboard with a page, or with the documentation. self is
// the ARN of the console's own function, which draws the other pages.
func (c *Console) Answer(ctx context.Context, event []byte, self string) string {
	at, request := widget.Split(event)
	if at == nil {
		at = &widget.Context{}
	}
	r, err := ParseRequest(request)
	r.Search = cmp.Or(at.Field(fieldSearch), r.Search)
	switch {
	case r.Describe:
		return Documentation
	case err != nil:
		return Unread(*at, err)
	case r.View == viewStates:
		report, err := c.report(ctx, r)
		return statesPage{at: *at, request: r, self: self, repair: c.Repair, report: report, err: err}.draw()
	default:
		return c.Run(ctx, r, *at, self)
	}
}

// Run lists the current locks and draws the page that is asked for. Nothing
// fails a page: what could not be read is said on it.
func (c *Console) Run(ctx context.Context, r Request, at widget.Context, self string) string {
	found := c.Scanner.Read(ctx)
	memory, err := c.Ledger.Recall(ctx)
	found.Judge(memory, 0)
	locks, figures := listed(found, r)
	p := locksPage{
		at: at, request: r, self: self, unlock: c.Unlock, prune: c.Prune, reports: c.Reports != nil, now: found.Ended,
		stores: len(found.Watched), failures: found.Errors(), figures: figures, total: len(locks),
	}
	if err != nil {
		p.forgot = err.Error()
	}
	if r.Path == "" { // a report is about all states
		p.weeks = c.lastWeeks(ctx)
	}
	p.pages, p.request.Page = r.pages(len(locks)), r.pageOf(len(locks))
	first := (p.request.Page - 1) * r.PageSize
	shown := casesOf(found, locks[first:min(first+r.PageSize, len(locks))])
	found.AddStates(ctx, shown) // states are looked at for what is shown only
	c.witness(ctx, shown)
	autoReleases := c.recallAutos(ctx)
	for _, j := range shown {
		known := autoReleases.Locks[ledger.KeyOf(j.Lock)]
		auto := automation{check: current(known, memory, j)}
		if auto.check != nil {
			j.Run = auto.check.Run
		}
		if known.Keep != nil {
			auto.stopped = known.Keep.By
		}
		line := line{lock: j.Describe(), id: j.ID, auto: auto}
		line.mayRelease, line.why = j.MayRelease()
		p.lines = append(p.lines, line)
	}
	return p.draw()
}

// witness adds who took the locks that are shown. Without it the page is drawn all the same.
func (c *Console) witness(ctx context.Context, shown []policy.Case) {
	if c.Witnesses == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, witnessTime)
	defer cancel()
	if _, err := c.Witnesses.AddTo(ctx, shown); err != nil {
		slog.WarnContext(ctx, "who took some locks is not known", "error", err)
	}
}

// witnessTime bounds the look for evidence that a page does not need.
const witnessTime = 5 * time.Second

// listing is a lock with what decides its place. A page has few of the locks, and all of their
// cases at once take more memory than the function has.
type listing struct {
	at      int // its place in the scan
	path    tflock.Path
	rank    int
	trouble time.Time
}

// listed returns the locks that are asked for, in the order of the pages, and counts them.
func listed(found *scan.Scan, r Request) (locks []listing, figures scan.Figures) {
	at := -1
	for c := range found.Locks() {
		if at++; r.Path != "" && !doublestar.MatchUnvalidated(r.Path, string(c.Path)) {
			continue
		}
		figures.Count(c)
		locks = append(locks, listing{at, c.Path, scan.Rank(c.Verdict), trouble(c)})
	}
	slices.SortStableFunc(locks, newestTrouble)
	if len(locks) > r.PageSize {
		leadEachPrefix(locks)
	}
	return locks, figures
}

// casesOf returns the cases of some locks, in their order.
func casesOf(found *scan.Scan, locks []listing) []policy.Case {
	places := make(map[int]int, len(locks))
	for i, l := range locks {
		places[l.at] = i
	}
	cases, at := make([]policy.Case, len(locks)), -1
	for c := range found.Locks() {
		at++
		if i, shown := places[at]; shown {
			cases[i] = c
		}
	}
	return cases
}

// newestTrouble orders locks as people want to see them: stuck before unreadable before
// fresh, and what came last first.
func newestTrouble(a, b listing) int {
	return cmp.Or(a.rank-b.rank, b.trouble.Compare(a.trouble))
}

// leadEachPrefix puts the newest stuck lock of each top-level prefix first, and then those of each
// folder in turn, as the alerts do, so that no flood of stuck locks under one prefix moves the others
// off the first page.
func leadEachPrefix(sorted []listing) {
	stuck := slices.IndexFunc(sorted, func(l listing) bool { return l.rank != scan.Rank(policy.Stuck) })
	if stuck < 0 {
		stuck = len(sorted)
	}
	chosen := alert.NewSelection[listing](stuck)
	for _, l := range sorted[:stuck] {
		chosen.Add(string(l.path), l)
	}
	copy(sorted, chosen.Items())
}

// trouble is when a lock became what it is: a stuck one at the end of its threshold.
func trouble(c policy.Case) time.Time {
	if c.Verdict == policy.Stuck {
		return c.Since.Add(c.Threshold)
	}
	return c.Since
}
