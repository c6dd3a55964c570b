package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Clients, the monitor, releases, prunes and restores, whose calls pass one at a time in
// any order, and each of which may die at any call: the laws hold after every call, and
// the next runs heal. `make chaos` tries more of them.
func TestAnyInterleaving(t *testing.T) {
	interleaveAll(t, drawPlan)
}

// The same of what meets on locks that may be released automatically.
func TestAutomaticInterleavings(t *testing.T) {
	interleaveAll(t, drawAutomaticPlan)
}

func interleaveAll(t *testing.T, draw *rapid.Generator[plan]) {
	t.Helper()
	players := runtime.GOMAXPROCS(0)
	checks(t, max(1, *interleavings/players))
	for i := range players {
		t.Run(fmt.Sprint("player ", i), func(t *testing.T) {
			t.Parallel()
			interleave(t, engineWorld(t), nil, draw)
		})
	}
}

// The same on the local AWS, so that what is found does not hang on the AWS in this process.
func TestSomeInterleavingsOnMoto(t *testing.T) {
	checks(t, 5)
	interleave(t, makeModelWorld(t), newCourier(), drawPlan)
}

// interleavings is how many plays TestAnyInterleaving makes, unless a flag of rapid says how many.
var interleavings = flag.Int("interleavings", 400, "how many interleavings of the model are tried")

func checks(t *testing.T, n int) {
	t.Helper()
	if err := flag.Set("rapid.checks", strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
}

func interleave(t *testing.T, w *world, outside *courier, draw *rapid.Generator[plan]) {
	t.Helper()
	plays, releasing := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		p := draw.Draw(rt, "plan")
		plays++
		broken := try(t, w, outside, p, func(m *model) {
			m.play(p)
			releasing += min(1, m.history.releases)
		})
		if broken != "" {
			rt.Fatal(broken)
		}
	})
	t.Logf("%d plays; a lock was released automatically in %d", plays, releasing)
}

// try plays a plan and heals. It gives the broken laws, with what led to them.
func try(t *testing.T, w *world, outside *courier, p plan, play func(m *model)) (broken string) {
	t.Helper()
	start := time.Now() // in a bubble it is another
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, w, outside, p, start)
		play(m)
		m.heal()
		if len(m.history.broken) > 0 {
			broken = strings.Join(m.history.broken, "\n") + "\nafter:\n" + m.traced()
		}
	})
	return broken
}

// makeModelWorld has an empty state on every key. It is made once, in an AWS of its own
// that ends with the process: setting it back undoes everything there.
func makeModelWorld(t *testing.T) *world {
	t.Helper()
	w, err := modelWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var modelWorld = sync.OnceValues(func() (*world, error) {
	own, err := local.Start()
	if err != nil {
		return nil, err
	}
	w := &world{aws: own, stuckAfter: 30 * time.Minute}
	if w.Place, err = own.MakePlace(context.Background(), "model"); err != nil {
		return nil, err
	}
	// What was written within the guard would be reason enough to refuse any release.
	return w, errors.Join(w.putModelStates(own.Config()), own.Age(w.Bucket, "", time.Hour), own.Save())
})

// putModelStates puts an empty state on every key, over one that was not empty.
func (w *world) putModelStates(cfg aws.Config) error {
	var errs []error
	for _, key := range modelKeys {
		for _, text := range []string{olderText(key), stateText(1, "first of "+key, false)} {
			errs = append(errs, w.putStateBy(context.Background(), cfg, key, text, key != modelKeys[1]))
		}
	}
	return errors.Join(errs...)
}

// olderText is the version before, which somebody may restore.
func olderText(key string) string { return stateText(0, "first of "+key, true) }

// engineWorld is the same in an AWS in this process.
func engineWorld(t *testing.T) *world {
	t.Helper()
	w := &world{stuckAfter: 30 * time.Minute, Place: local.Place{
		Bucket: "model", BucketARN: "arn:aws:s3:::model", Table: "model", TableARN: "arn:aws:dynamodb:" + local.Region + ":123456789012:table/model", Ledger: "model-ledger", Topic: "topic",
	}}
	w.engine = inprocess.New(w.now, lag)
	cfg := w.engine.Config()
	for name, keys := range map[string][]string{w.Table: {"LockID"}, w.Ledger: {"kind", "id"}} {
		if _, err := local.MakeTable(t.Context(), cfg, name, keys...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.putModelStates(cfg); err != nil {
		t.Fatal(err)
	}
	w.engine.Age(time.Hour)
	w.engine.Save()
	return w
}

// model is one play.
type model struct {
	*world
	t         *testing.T
	gate      *gate
	outside   *courier // nil: the AWS is in this process
	history   *history
	processes []*process
	children  []*process // the functions that they invoked
	ci        *ci
	auto      policy.AutoRules
	notices   []local.Notification     // of S3, about lock objects
	attempts  map[string]*runAttempt   // the latest of each run
	orphans   []*party                 // by the index of their key
	current   contents                 // what is there now
	asked     map[string]unlockRequest // releases that somebody asked for, by the lock's ID
	prunes    map[string]bool          // paths that a prune deleted
	elapsed   time.Duration            // how much time passed
	trace     []traced
}

func newModel(t *testing.T, w *world, outside *courier, p plan, start time.Time) *model {
	t.Helper()
	m := &model{world: w, t: t, outside: outside, ci: newCI(w.now), asked: map[string]unlockRequest{}, prunes: map[string]bool{}, attempts: map[string]*runAttempt{}}
	m.gate = &gate{}
	m.history = newHistory(w.now, releaseGuard)
	m.history.slack = 4 * time.Minute // of the steps that time passes in the shortest has six
	m.selectLocks("**", p.mode)
	if err := w.reset(); err != nil {
		t.Fatal(err)
	}
	w.ahead = time.Until(start) + lag // the bubble's own clock begins in 2000
	var err error
	if m.current, err = w.stores(); err != nil {
		t.Fatal(err)
	}
	cfg := m.config()
	set, err := w.open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.lockOrphans(set, p); err != nil {
		t.Fatal(err)
	}
	if p.gone {
		m.deleteFirst(cfg, set)
	}
	if m.current, err = w.stores(); err != nil {
		t.Fatal(err)
	}
	m.seed()
	for i, d := range p.actors {
		kind := kinds[d.kind]
		p := &process{model: m, actor: kind.make(d, p), number: i, kind: d.kind, key: d.key}
		p.party = &party{name: p.String(), lockwarden: kind.lockwarden, lockless: d.kind == "lockless", looksAgain: d.kind != "prune", restores: d.kind == "roll back"}
		switch {
		case d.kind == "copycat":
			p.id = clientID(d.target)
		case !kind.lockwarden:
			p.id = clientID(i)
		}
		p.session = p.sessionOf()
		m.processes = append(m.processes, p)
	}
	return m
}

// lockOrphans takes the locks of those clients that are dead at first.
func (m *model) lockOrphans(set backend.Set, p plan) error {
	for i, key := range modelKeys {
		m.orphans = append(m.orphans, &party{name: "orphan of " + key, id: clientID(orphan + i)})
		m.history.ended[clientID(orphan+i)] = true
		raw, err := m.lock(clientID(orphan+i), m.Path(key), 0)
		if err != nil {
			return err
		}
		for _, s := range storesFor(set, key) {
			if !p.orphans[i] || p.halves && i == 0 && s.ARN() == m.BucketARN {
				continue
			}
			if _, err := s.Acquire(m.t.Context(), m.Path(key), raw); err != nil {
				return err
			}
		}
	}
	return nil
}

// seed tells the history what is there at first.
func (m *model) seed() {
	for _, c := range m.changes(contents{}, m.current) {
		by := &party{name: "before", lockless: true}
		for _, o := range m.orphans {
			if c.what == lockChange && strings.Contains(c.body, o.id) {
				by = o
			}
		}
		m.history.record(by, c)
	}
	for key, body := range m.current.newest {
		m.history.states[string(m.Path(key))] = state{body, m.current.deleted[key]}
		m.history.bodies[place{string(m.Path(key)), body}] = true
		m.history.bodies[place{string(m.Path(key)), olderText(key)}] = true
	}
	clear(m.history.torn)
}

// deleteFirst deletes the state of the first key, as a prune does.
func (m *model) deleteFirst(cfg aws.Config, set backend.Set) {
	key := modelKeys[0]
	_, err := s3For(cfg).DeleteObject(m.t.Context(), &s3.DeleteObjectInput{Bucket: &m.Bucket, Key: &key})
	if err == nil {
		err = set.Tables[0].DeleteDigest(m.t.Context(), m.Path(key), local.MD5(m.current.newest[key]))
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// play lets calls pass in the order of the plan, then everything else.
func (m *model) play(p plan) {
	for _, b := range p.bursts {
		if b.later > 0 {
			m.later(b.later)
		}
		switch who := m.able(); {
		case len(who) == 0 || len(m.history.broken) > 0 || b.calls == 0:
		case b.actor == 0:
			m.goOn(who[b.pick%len(who)], b)
		case m.processes[b.actor-1].kind == "auto" && b.fate == passes:
			m.steps(m.processes[b.actor-1], b.calls)
		default:
			m.goOn(m.processes[b.actor-1], b)
		}
	}
	m.finish()
}

// finish lets everybody come to an end, one after the other.
func (m *model) finish() {
	for who := m.able(); len(who) > 0; who = m.able() {
		m.goOn(who[0], burst{calls: 1000})
	}
}

// able are those who wait for a call, and the next one who did not begin.
func (m *model) able() []*process {
	synctest.Wait()
	var who []*process
	for _, w := range m.gate.pending() {
		if !slices.Contains(who, w.process) {
			who = append(who, w.process)
		}
	}
	for _, p := range m.processes {
		if !p.started {
			return append(who, p)
		}
	}
	return who
}

// goOn lets one process make its calls. It says whether there are more.
func (m *model) goOn(p *process, b burst) (more bool) {
	if !p.started {
		m.begin(p)
	}
	for n := 0; ; {
		synctest.Wait()
		pending := slices.DeleteFunc(m.gate.pending(), func(w *waiting) bool { return w.process != p })
		if len(pending) == 0 {
			return false
		}
		next, f := pending[(b.pick+n)%len(pending)], passes
		if n == b.calls && (!b.writes || next.writes()) {
			return true
		}
		if !b.writes || next.writes() {
			n++
		}
		if n == b.calls {
			f = b.fate
		}
		m.pass(next, f)
	}
}

func (m *model) begin(p *process) {
	p.started, p.began, p.from = true, m.history.changes, m.history.moment
	m.trace = append(m.trace, traced{process: p})
	cfg := m.gate.config(m.config(), p)
	go func() {
		growStack()
		p.failed = p.run(p, cfg)
		p.over = true
		if p.unexpected != "" {
			m.history.breaks("a client met what it must not: %s: %s (%v)", p, p.unexpected, p.failed)
		}
	}()
}

// pass lets a call through, and has the history check what it changed.
func (m *model) pass(w *waiting, f fate) {
	p, before := w.process, m.current
	if p.cannotPublish && strings.HasPrefix(w.name, "Publish") {
		f = diesBefore
	}
	m.trace = append(m.trace, traced{process: p, call: w, fate: f})
	if e := eventIn(w.publishes()); e != nil && !p.dead && f != diesBefore {
		m.history.said(p.party, *e)
	}
	if in, is := w.input.(*lambda.InvokeInput); is {
		m.invoke(w, in.Payload, f)
		return
	}
	got := m.gate.send(w, f)
	defer func() { w.answer <- got }()
	if !w.writes() {
		return
	}
	if w.changesStores(m.world) {
		var err error
		if m.current, err = m.stores(); err != nil {
			m.t.Fatal(err)
		}
	}
	for _, c := range m.changes(before, m.current) {
		m.history.record(p.party, c)
		if c.what == stateChange {
			m.prunes[c.at.name] = c.body == "" && p.lockwarden
			m.disturb(p, c.at.name)
		}
	}
	if got.err == nil && strings.HasSuffix(subjectOf(w.input), tflock.Suffix) && (strings.HasPrefix(w.name, "PutObject ") || strings.HasPrefix(w.name, "DeleteObject ")) {
		m.notifies(w, got.result)
	}
	if strings.HasPrefix(w.name, "PutObjectTagging") && f != diesBefore {
		m.tagged(p)
	}
}

// disturb notes that somebody without a lock wrote to a state.
func (m *model) disturb(by *process, path string) {
	for _, p := range m.processes {
		if by.lockless && string(m.Path(p.key)) == path {
			p.undisturbed = false
		}
	}
}

// later lets time pass, and with it that of every invocation run out.
func (m *model) later(d time.Duration) {
	m.notes(d.String() + " pass")
	for _, p := range m.processes {
		if p.started && p.lockwarden {
			p.dead = true
		}
	}
	for _, p := range m.children {
		p.dead = true
	}
	m.endsLate()
	m.passes(d)
}

// lag is how far the model's clock is ahead of S3's at first, so that what is written
// during a play is older than now. A play takes less.
const lag = time.Minute

// passes lets time pass. In a bubble the clock stands still by itself, and S3's does not.
func (m *model) passes(d time.Duration) {
	m.ahead, m.elapsed = m.ahead+d, m.elapsed+d
	if err := m.clock(m.elapsed); err != nil {
		m.t.Fatal(err)
	}
}

// config is for whoever calls AWS without waiting.
func (m *model) config() aws.Config {
	if m.engine != nil {
		return m.engine.Config()
	}
	cfg := m.aws.Config()
	cfg.HTTPClient = m.outside
	return cfg
}
