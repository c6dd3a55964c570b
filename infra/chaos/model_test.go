package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
)

// Clients, the monitor, releases, prunes and restores, whose calls pass one at a time in
// any order, and each of which may die at any call: the laws hold after every call, and
// the next runs heal. `make chaos` tries more of them.
func TestAnyInterleaving(t *testing.T) {
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "rapid.checks" })
	if !chosen {
		if err := flag.Set("rapid.checks", "10"); err != nil {
			t.Fatal(err)
		}
	}
	w := makeModelWorld(t)
	outside := newCourier()
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan.Draw(rt, "plan")
		if broken := try(t, w, outside, p, func(m *model) { m.play(p) }); broken != "" {
			rt.Fatal(broken)
		}
	})
}

// try plays a plan and heals. It gives the broken laws, with what led to them.
func try(t *testing.T, w *world, outside *courier, p plan, play func(m *model)) (broken string) {
	t.Helper()
	start := time.Now() // in a bubble it is another
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, w, outside, p, start)
		play(m)
		m.heal()
		if len(m.laws) > 0 {
			broken = strings.Join(m.laws, "\n") + "\nafter:\n" + strings.Join(m.trace, "\n")
		}
	})
	return broken
}

// makeModelWorld has an empty state on every key. It is made in an AWS of its own, since
// setting it back undoes everything there.
func makeModelWorld(t *testing.T) *world {
	t.Helper()
	own, err := local.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Stop)
	w := &world{aws: own, stuckAfter: 30 * time.Minute}
	if w.Place, err = own.MakePlace(t.Context(), "model"); err != nil {
		t.Fatal(err)
	}
	for _, key := range modelKeys {
		if err := w.putState(t.Context(), key, stateText(1, "first of "+key, false), key != modelKeys[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := own.Save(); err != nil {
		t.Fatal(err)
	}
	return w
}

// model is one play.
type model struct {
	*world
	t      *testing.T
	gate   *gate
	actors []*actor
	lies   contents        // what lies there now
	torn   map[string]bool // keys whose digest a client left wrong
	may    map[string]bool // IDs that a release named, of clients that were dead
	gone   map[string]bool // keys that a prune deleted
	serial map[string]int  // the highest of each lineage
	later  time.Duration   // how much time passed
	trace  []string
	laws   []string
}

func newModel(t *testing.T, w *world, outside *courier, p plan, start time.Time) *model {
	t.Helper()
	m := &model{
		world: w, t: t, gate: &gate{outside: outside}, torn: map[string]bool{}, may: map[string]bool{}, gone: map[string]bool{}, serial: map[string]int{},
	}
	if err := w.reset(); err != nil {
		t.Fatal(err)
	}
	w.ahead = time.Until(start) + lag // the bubble's own clock begins in 2000
	var err error
	if m.lies, err = w.contents(); err != nil {
		t.Fatal(err)
	}
	cfg := w.aws.Config()
	cfg.HTTPClient = direct{outside}
	set, err := w.open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range modelKeys {
		raw, err := m.lock(clientID(orphan+i), key)
		for _, s := range storesFor(set, key) {
			if err == nil && p.orphans[i] {
				_, err = s.Acquire(t.Context(), w.Path(key), raw)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if p.gone {
		m.prunes(cfg, set)
	}
	if m.lies, err = w.contents(); err != nil {
		t.Fatal(err)
	}
	for i, d := range p.actors {
		m.actors = append(m.actors, m.actor(i, d, p))
	}
	return m
}

// prunes takes the state of the first key away, as a prune does.
func (m *model) prunes(cfg aws.Config, set backend.Set) {
	key := modelKeys[0]
	_, err := s3For(cfg).DeleteObject(m.t.Context(), &s3.DeleteObjectInput{Bucket: &m.Bucket, Key: &key})
	if err == nil {
		err = set.Tables[0].DeleteDigest(m.t.Context(), m.Path(key), digestOf(m.lies.newest[key]))
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// actor makes the process that was drawn.
func (m *model) actor(number int, d drawn, p plan) *actor {
	a := &actor{number: number, kind: d.kind, key: d.key, id: clientID(number), lockless: d.kind == "lockless"}
	switch d.kind {
	case "client", "lockless", "successor":
		a.run = func(cfg aws.Config) error {
			return m.apply(a, cfg, max(d.writes, map[bool]int{true: 1}[a.lockless]), d.managed)
		}
	case "monitor":
		a.run = func(cfg aws.Config) error { _, err := watch(context.Background(), m.world, cfg, ""); return err }
	case "prune":
		id := "the same request"
		if !d.same {
			id = fmt.Sprint("request ", number)
		}
		a.run = func(cfg aws.Config) error { return m.sweep(cfg, p.paths, id) }
	case "restore":
		a.run = func(cfg aws.Config) error { return m.restore(cfg, d.key) }
	case "unlock":
		a.run = func(cfg aws.Config) error { return m.unlock(cfg, d.target) }
	}
	return a
}

// unlock names the lock of a client that is dead or done; of one that is alive, nobody
// may.
func (m *model) unlock(cfg aws.Config, target int) error {
	if target < orphan && target >= len(m.actors) {
		return nil
	}
	if target >= orphan {
		m.trace = append(m.trace, "it names an orphan")
	} else if client := m.actors[target]; !client.dead && !client.over || client.kind != "client" {
		return nil
	}
	m.may[clientID(target)] = true
	_, err := releaseOf(context.Background(), m.world, cfg, clientID(target), "request", true)
	return err
}

// play lets calls pass in the order of the plan, then everything else.
func (m *model) play(p plan) {
	for _, b := range p.bursts {
		if b.late {
			m.late()
		}
		if who := m.able(); len(who) > 0 && len(m.laws) == 0 {
			m.goOn(who[b.pick%len(who)], b)
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
func (m *model) able() []*actor {
	synctest.Wait()
	var who []*actor
	for _, w := range m.gate.pending() {
		if !slices.Contains(who, w.actor) {
			who = append(who, w.actor)
		}
	}
	for _, a := range m.actors {
		if !a.started {
			return append(who, a)
		}
	}
	return who
}

// goOn lets one actor make its calls. It says whether there are more.
func (m *model) goOn(a *actor, b burst) (more bool) {
	if !a.started {
		m.begin(a)
	}
	for n := 0; ; {
		synctest.Wait()
		pending := slices.DeleteFunc(m.gate.pending(), func(w *waiting) bool { return w.actor != a })
		if len(pending) == 0 {
			return false
		}
		next, f := pending[(b.pick+n)%len(pending)], passes
		if n == b.calls && (!b.deeds || next.deed()) {
			return true
		}
		if !b.deeds || next.deed() {
			n++
		}
		if n == b.calls {
			f = b.fate
		}
		m.pass(next, f)
	}
}

func (m *model) begin(a *actor) {
	a.started = true
	m.trace = append(m.trace, "begin "+a.String())
	cfg := m.gate.config(m.aws, a)
	go func() {
		err := a.run(cfg)
		a.over = true
		if a.unmet != "" {
			m.breaks("a client met what it must not: %s: %s (%v)", a, a.unmet, err)
		}
	}()
}

// late lets the time of every invocation run out.
func (m *model) late() {
	m.trace = append(m.trace, "17 minutes pass")
	for _, a := range m.actors {
		if a.started && !a.client() {
			a.dead = true
		}
	}
	m.passes(17 * time.Minute)
}

// lag is how far the model's clock is ahead of S3's at first, so that what is written
// during a play is older than now. A play takes less.
const lag = 20 * time.Second

// passes lets time pass. In a bubble the clock stands still by itself, and S3's does not.
func (m *model) passes(d time.Duration) {
	m.ahead, m.later = m.ahead+d, m.later+d
	if err := m.aws.Clock(m.later); err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) breaks(format string, args ...any) {
	m.laws = append(m.laws, fmt.Sprintf(format, args...))
}
