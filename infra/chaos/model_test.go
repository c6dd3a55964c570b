package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"pgregory.net/rapid"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// plan is what rapid draws: who takes part, and in which order their calls pass.
type plan struct {
	actors []drawn
	steps  []step
}

type drawn struct {
	kind    string
	key     string
	writes  int
	managed bool
	target  int // of an unlock: the number of the client whose lock is named
	same    bool
}

// step lets one of those go on that can; the fate is mostly to pass.
type step struct {
	pick int
	fate fate
	late bool // a quarter of an hour passes first: whoever runs in Lambda is dead then
}

var drawPlan = rapid.Custom(func(t *rapid.T) plan {
	kinds := []string{"client", "client", "client", "lockless", "prune", "prune", "prune", "unlock", "unlock", "restore", "monitor"}
	var p plan
	for i := range rapid.IntRange(2, 6).Draw(t, "actors") {
		p.actors = append(p.actors, drawn{
			kind: rapid.SampledFrom(kinds).Draw(t, "kind"), key: rapid.SampledFrom(modelKeys).Draw(t, "key"), writes: rapid.IntRange(0, 2).Draw(t, "writes"),
			managed: rapid.Bool().Draw(t, "managed"), target: rapid.IntRange(0, max(0, i-1)).Draw(t, "target"), same: rapid.Bool().Draw(t, "same"),
		})
	}
	for range rapid.IntRange(0, 160).Draw(t, "steps") {
		s := step{pick: rapid.IntRange(0, 7).Draw(t, "pick")}
		switch rapid.IntRange(0, 39).Draw(t, "fate") {
		case 39:
			s.fate = diesBefore
		case 38:
			s.fate = diesAfter
		case 37:
			s.late = true
		}
		p.steps = append(p.steps, s)
	}
	return p
})

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
		var trace, laws []string
		start := time.Now()
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, w, outside, p, start)
			m.play(p)
			m.heal()
			trace, laws = m.trace, m.laws
		})
		if len(laws) > 0 {
			rt.Fatalf("%s\nafter:\n%s", strings.Join(laws, "\n"), strings.Join(trace, "\n"))
		}
	})
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
	w.ahead = start.Sub(time.Now()) + time.Hour // the bubble's own clock begins in 2000
	var err error
	if m.lies, err = w.contents(); err != nil {
		t.Fatal(err)
	}
	for i, d := range p.actors {
		m.actors = append(m.actors, m.actor(i, d))
	}
	return m
}

// actor makes the process that was drawn.
func (m *model) actor(number int, d drawn) *actor {
	a := &actor{number: number, kind: d.kind, key: d.key, id: clientID(number), lockless: d.kind == "lockless"}
	switch d.kind {
	case "client", "lockless":
		a.run = func(cfg aws.Config) error { return m.apply(a, cfg, d.writes, d.managed) }
	case "monitor":
		a.run = func(cfg aws.Config) error { _, err := scan(context.Background(), m.world, cfg, ""); return err }
	case "prune":
		id := "the same request"
		if !d.same {
			id = fmt.Sprint("request ", number)
		}
		a.run = func(cfg aws.Config) error { return m.sweep(cfg, id) }
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
	if target >= len(m.actors) {
		return nil
	}
	if client := m.actors[target]; !client.dead && !client.over || client.kind != "client" {
		return nil
	}
	m.may[clientID(target)] = true
	_, err := releaseOf(context.Background(), m.world, cfg, clientID(target), "request", true)
	return err
}

// play lets calls pass in the order of the plan, then everything else.
func (m *model) play(p plan) {
	for _, s := range p.steps {
		if s.late {
			m.late()
		}
		if !m.step(s) || len(m.laws) > 0 {
			break
		}
	}
	for m.step(step{}) {
	}
	synctest.Wait()
}

// step lets one call pass, or one actor begin. It is false when all is over.
func (m *model) step(s step) bool {
	synctest.Wait()
	pending := m.gate.pending()
	var idle []*actor
	for _, a := range m.actors {
		if !a.started {
			idle = append(idle, a)
		}
	}
	choices := len(pending) + min(len(idle), 1)
	if choices == 0 {
		return false
	}
	at := s.pick % choices
	if at == len(pending) {
		m.begin(idle[0])
		return true
	}
	m.pass(pending[at], s.fate)
	return true
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
		if a.started && a.kind != "client" && a.kind != "lockless" {
			a.dead = true
		}
	}
	m.ahead += 17 * time.Minute
}

func (m *model) breaks(format string, args ...any) {
	m.laws = append(m.laws, fmt.Sprintf(format, args...))
}

// heal lets the next runs of everything come, an hour later, and checks what must be
// then.
func (m *model) heal() {
	if len(m.laws) > 0 {
		return
	}
	m.ahead += time.Hour
	last := []*actor{{kind: "prune", run: func(cfg aws.Config) error { return m.sweep(cfg, "the last") }}}
	for _, id := range slices.Sorted(maps.Keys(m.may)) { // whoever asked for a release asks again
		last = append(last, &actor{kind: "unlock", run: func(cfg aws.Config) error {
			_, err := releaseOf(context.Background(), m.world, cfg, id, "again", true)
			return err
		}})
	}
	last = append(last, &actor{kind: "monitor", run: func(cfg aws.Config) error { _, err := scan(context.Background(), m.world, cfg, ""); return err }})
	for i, a := range last {
		a.number = len(m.actors) + i
		run := a.run
		a.run = func(cfg aws.Config) error {
			err := run(cfg)
			if err != nil {
				m.breaks("the healing %s failed: %v", a.kind, err)
			}
			return err
		}
		m.begin(a)
		for m.step(step{}) {
		}
	}
	m.afterwards()
}

// afterwards are the laws of the end: no lock of ours, and everybody knows.
func (m *model) afterwards() {
	heard, err := m.heard()
	if err != nil {
		m.t.Fatal(err)
	}
	for at, raw := range m.lies.locks {
		_, key, _ := strings.Cut(at, " ")
		if strings.Contains(raw, ours) {
			m.breaks("a lock of our own is left: %s", at)
		} else if heard["lock.stuck "+key] == 0 {
			m.breaks("alert lost: the lock of a dead client on %s was never told: %v", key, heard)
		}
	}
	for key := range m.gone {
		if heard["prune.report "+key] == 0 {
			m.breaks("alert lost: %s was pruned, and nobody heard of it", key)
		}
	}
	all, err := m.aws.Published(m.Topic)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, message := range all {
		var e alert.Event
		if err := json.Unmarshal([]byte(message.Texts["default"]), &e); err != nil {
			m.t.Fatal(err)
		}
		for at, raw := range m.lies.locks {
			info, _ := tflock.ParseInfo([]byte(raw))
			if e.Type == alert.LockResolved && e.Lock != nil && e.Lock.ID == info.ID {
				m.breaks("false resolved: %s", at)
			}
		}
	}
}
