package inventory

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// files is the bucket of the report.
type files interface {
	Read(ctx context.Context, key string) (backend.OpenFile, error)
	Write(ctx context.Context, key string, f backend.File) error
	Replace(ctx context.Context, key, etag string, f backend.File) (string, error)
	URL(key string) string
}

// history is how the monitor saw states being locked, by path.
type history interface {
	Locking(ctx context.Context, wanted func(tflock.Path) bool) (ways map[tflock.Path][]policy.LockingSeen, left []tflock.Path, err error)
}

// writers gives the lock that a state had at some time; an empty one where that is unknown.
type writers interface {
	Holder(ctx context.Context, path tflock.Path, at time.Time) (ledger.Hold, error)
}

// own says which versions of a state our own repairs wrote, and when they wrote digests of others.
type own interface {
	Written(ctx context.Context, path tflock.Path) ([]ledger.Written, error)
	Accepted(ctx context.Context, path tflock.Path) ([]time.Time, error)
}

type publisher interface {
	Publish(ctx context.Context, e alert.Event) error
}

type meter interface {
	CountFindings(ctx context.Context, n int, at time.Time) error
}

// Inventory is what an inventory depends on.
type Inventory struct {
	Stores   backend.Set
	Files    files
	History  history // nil: how states are locked is not known
	Writers  writers // nil: who wrote a version is not known
	Own      own     // nil: nothing that we wrote is on record
	Composer alert.Composer
	Topic    publisher
	Meter    meter
	Paths    policy.Paths // which keys are states
	// MemoryLimit bounds how many states and objects a run takes on, in bytes; 0: Go's own limit.
	MemoryLimit int64
	Now         func() time.Time
	Wait        func(ctx context.Context, d time.Duration) error
	Log         *slog.Logger
}

// Report is the function's answer.
type Report struct {
	States   int                   `json:"states"` // rows of the report
	Read     int                   `json:"read"`   // states that were read in this run
	Findings []policy.StateFinding `json:"findings"`
	Omitted  int                   `json:"findings_omitted,omitempty"`
	Report   string                `json:"report"`
	Errors   []string              `json:"errors"`
}

// Run makes an inventory, of everything or of one state. An error means that something
// could not be read, written or sent; the report says the same, and has everything else.
//
// At most one of two runs at the same time notifies people: the other fails when it saves
// its memory.
func (i *Inventory) Run(ctx context.Context, request Request) (Report, error) {
	times, cancel := budget(ctx, i.Now)
	defer cancel()
	memory, err := openMemory(ctx, i.Files)
	if err != nil {
		return Report{Findings: []policy.StateFinding{}, Errors: []string{err.Error()}}, err
	}
	r := &run{Inventory: i, memory: memory, started: i.Now(), times: times, scope: request.Path, bucketsFailed: map[string]bool{}, tablesFailed: map[string]bool{}, aliases: map[tflock.Path][]tflock.Path{}, said: newSaid()}
	r.divide(cmp.Or(i.MemoryLimit, memoryLimit()))
	r.stores = i.Stores.Discover(times.work)
	if err := r.checkScope(); err != nil {
		return Report{Findings: []policy.StateFinding{}, Errors: []string{err.Error()}}, err
	}
	r.list()
	if err := r.read(ctx); err != nil {
		return r.report(nil), errors.Join(append(r.failed(), err)...)
	}
	r.crowded()
	found := r.findings()
	r.reconcile(found)
	if err := memory.save(ctx); err != nil { // nobody is notified of what is not on record
		return r.report(nil), errors.Join(append(r.failed(), err)...)
	}
	r.notify(ctx)
	all := r.memory.findings()
	r.memory.forgetNotified()
	r.fail(memory.save(ctx))
	r.fail(r.write(ctx, all))
	r.fail(i.Meter.CountFindings(ctx, len(all), r.started))
	return r.report(all), errors.Join(r.failed()...)
}

// findings gathers everything that is wrong now.
func (r *run) findings() []policy.StateFinding {
	r.memory.index()
	locking := r.locking()
	found := r.digests(locking)
	r.remember(locking)
	found = append(found, r.duplicates()...)
	return append(found, r.mixed(locking)...)
}

// run is one inventory under way.
type run struct {
	*Inventory
	stores  backend.Set
	memory  *memory
	started time.Time
	times   times
	scope   tflock.Path // the only path that is looked at; empty: all

	room     *room                // for states, with the names of their objects
	suspects *fairList[suspect]   // digests that differ
	changes  *room                // for what happened to states
	unnoted  int                  // changes of states for which there was no room
	open     *fairList[record]    // findings
	seen     map[tflock.Path]bool // states that were listed; nil before and after that
	unlisted int                  // states for which there is no room

	reads         int
	bucketsFailed map[string]bool               // by name
	tablesFailed  map[string]bool               // by ARN
	silent        sync.Map                      // by ARN, of tablesFailed: those that do not say either whether one state is locked
	aliases       map[tflock.Path][]tflock.Path // other names that tables have for a state, by its path
	names         *room                         // for aliases
	historyFailed bool
	doubts        doubts
	free          map[tflock.Path]bool // paths of digests that are right or gone by now, and whether nobody locks them
	pairs         *room                // of states that share objects, by the prefixes of both
	pairing       *pairing             // which states were compared for them
	said
}

// times are when what has to end, before Lambda ends the invocation.
type times struct {
	work    context.Context // ends in time to save, notify and write the report
	reading context.Context // of states: ends at stopAt, so that a huge one leaves time for the rest
	stopAt  time.Time       // no further state is read
}

const (
	// forTheRest is kept of the invocation's time for the digests and the duplicates.
	forTheRest = 4 * time.Minute
	// forTheEnd is kept of that to save, to notify and to write the report.
	forTheEnd = time.Minute
)

func budget(ctx context.Context, now func() time.Time) (times, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		work, cancel := context.WithCancel(ctx)
		return times{work, work, now().AddDate(1, 0, 0)}, cancel
	}
	left := time.Until(deadline)
	work, cancel := context.WithDeadline(ctx, deadline.Add(-min(forTheEnd, left/5)))
	left -= min(forTheRest, left/2)
	reading, stop := context.WithTimeout(work, left)
	return times{work, reading, now().Add(left)}, func() { stop(); cancel() }
}

// half is half of the time that is left to work, for what reads states once more: whoever writes a state of gigabytes would take from
// others what comes after it.
func (t times) half() (context.Context, context.CancelFunc) {
	deadline, bounded := t.work.Deadline()
	if !bounded {
		return context.WithCancel(t.work)
	}
	return context.WithTimeout(t.work, time.Until(deadline)/2)
}

// Sleep waits, unless the context ends before that.
func Sleep(ctx context.Context, d time.Duration) error {
	if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) < d {
		return context.DeadlineExceeded
	}
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
