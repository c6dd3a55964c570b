package main

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// automaticCase is a play of which automatic release must make the right thing.
type automaticCase struct {
	actors []drawn
	mode   policy.AutoMode // empty: release
	play   func(m *model)
	stays  bool // the lock of the first actor must be there in the end
}

// The actors of most plays. The first is a client that writes once.
const (
	theJob = iota
	first  // a monitor
	second // another one
	more   // whoever does what matters
)

func cast(key string, more ...drawn) []drawn {
	list := []drawn{{kind: "job", key: key, writes: 1, managed: true}, {kind: "auto"}, {kind: "auto"}}
	for _, d := range more {
		if d.key == "" {
			d.key = key
		}
		list = append(list, d)
	}
	return list
}

// holds has the client take its lock, and stops it there.
func (m *model) takesLock() {
	writes := map[string]int{modelKeys[0]: 2, modelKeys[1]: 1}[m.processes[theJob].key]
	m.goOn(m.processes[theJob], burst{writes: true, calls: writes})
}

// all lets one of them make all of its calls, and the functions that it invokes.
func (m *model) all(i int) {
	m.goOn(m.processes[i], burst{calls: 1000})
	m.invoked(m.processes[i])
}

// invoked lets the functions come to their ends that a monitor invoked, and the monitor.
func (m *model) invoked(p *process) {
	for n := 0; n < len(m.children); n++ {
		m.goOn(m.children[n], burst{calls: 1000})
	}
	m.goOn(p, burst{calls: 1000})
}

// dies lets a process make its calls until one of that name, whose answer it does not live to
// see.
func (m *model) dies(p *process, name string) {
	for m.steps(p, 0) {
		next := slices.DeleteFunc(m.gate.pending(), func(w *waiting) bool { return w.process != p })[0]
		if next.name == name {
			m.pass(next, diesAfter)
			return
		}
		m.pass(next, passes)
	}
}

// scan has one more monitor come.
func (m *model) scan() {
	p := &process{model: m, number: len(m.processes), kind: "auto", actor: autoScanning{}, party: &party{name: "the next monitor", lockwarden: true}}
	m.processes = append(m.processes, p)
	m.all(p.number)
}

// cancelled has the client's run cancelled, and both be over for long.
func (m *model) cancelled() {
	m.ends(m.processes[theJob].job, "cancelled")
	m.later(17 * time.Minute)
}

const nextScan = 6 * time.Minute

var automaticCases = map[string]automaticCase{
	"the lock of a run that is over goes at the second scan": {actors: cast(modelKeys[0]), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"its run is in progress": {stays: true, actors: cast(modelKeys[1]), play: func(m *model) {
		m.takesLock()
		m.later(17 * time.Minute)
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"what its run does is not known": {stays: true, actors: cast(modelKeys[1]), play: func(m *model) {
		m.takesLock()
		m.ci.refuse(http.StatusInternalServerError)
		m.later(17 * time.Minute)
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"its run ended a moment ago": {stays: true, actors: cast(modelKeys[1]), play: func(m *model) {
		m.takesLock()
		m.later(17 * time.Minute)
		m.ends(m.processes[theJob].job, "cancelled")
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"its state was written since": {stays: true, actors: cast(modelKeys[1], drawn{kind: "lockless", writes: 1, managed: true}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(more)
		m.later(17 * time.Minute)
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"another lock is on its state": {stays: true, actors: cast(modelKeys[1], drawn{kind: "row alone"}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(more)
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"its object has the tag that keeps it": {stays: true, actors: cast(modelKeys[1], drawn{kind: "keeper"}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(more)
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"somebody asked that it stays": {stays: true, actors: cast(modelKeys[1], drawn{kind: "keep"}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(first)
		m.all(more)
		m.later(nextScan)
		m.all(second)
	}},
	"it was tagged since its release was announced": {stays: true, actors: cast(modelKeys[1], drawn{kind: "tagger"}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(first)
		m.all(more)
		m.later(nextScan)
		m.all(second)
	}},
	"in report mode": {stays: true, mode: policy.AutoReport, actors: cast(modelKeys[1], drawn{kind: "auto"}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(first)
		m.later(nextScan)
		m.all(second)
		m.later(nextScan)
		m.all(more)
	}},
	"AutoRelease selects another": {stays: true, actors: cast(modelKeys[1]), play: func(m *model) {
		m.selectLocks("*/"+modelKeys[0], policy.AutoRelease)
		m.takesLock()
		m.cancelled()
		m.later(17 * time.Minute) // it is stuck by now
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"its object is gone, and its tags with it": {stays: true, actors: cast(modelKeys[0], drawn{kind: "witness"}), play: func(m *model) {
		m.takesLock()
		m.all(first)                                               // has seen the object
		m.goOn(m.processes[theJob], burst{writes: true, calls: 3}) // the state, its digest, and the object
		m.all(more)
		m.cancelled()
		m.all(second)
		m.later(nextScan)
		m.scan()
	}},
	"another run that its tag names is in progress": {stays: true, actors: cast(modelKeys[1], drawn{kind: "witness"}), play: func(m *model) {
		m.processes[theJob].actor = job{client: client{drawn: drawn{writes: 1}}, naming: bySession, tag: "99"}
		m.ci.begin("99")
		m.takesLock()
		m.all(more)
		m.ci.end(m.processes[theJob].job, "cancelled")
		m.later(17 * time.Minute)
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"the lock of a session that a witness names goes at the second scan": {actors: cast(modelKeys[0], drawn{kind: "witness", same: true}), play: func(m *model) {
		m.processes[theJob].actor = job{client: client{drawn: drawn{writes: 1}}, naming: bySession}
		m.takesLock()
		m.all(more)
		m.cancelled()
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"its release was announced while the scan was under way": {stays: true, actors: cast(modelKeys[1]), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.processes[first].actor = autoScanning{promisesNow: true} // as if the second one's scan took long
		m.steps(m.processes[second], 3)                            // it has listed both stores
		m.all(first)
		m.all(second)
	}},
	"its release was announced while a scan was under way whose clock is ahead": {stays: true, actors: cast(modelKeys[1]), play: func(m *model) {
		m.processes[first].actor = autoScanning{promisesNow: true}
		m.processes[second].actor = autoScanning{drawn: drawn{clock: 2 * time.Minute}}
		m.takesLock()
		m.cancelled()
		m.steps(m.processes[second], 3)
		m.all(first)
		m.all(second)
	}},
	"it was refused since its release was announced": {stays: true, actors: cast(modelKeys[1], drawn{kind: "keeper"}, drawn{kind: "unkeeper"}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(first)
		m.later(nextScan)
		m.dies(m.processes[second], "Invoke unlock") // so that the function's answer is lost
		m.all(more)
		m.invoked(m.processes[second])
		m.all(more + 1)
		m.later(nextScan)
		m.scan()
	}},
	"the schedule is delivered twice": {stays: true, actors: cast(modelKeys[1]), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(first)
		m.later(time.Minute)
		m.all(second)
	}},
	"a tag kept it for one scan since its release was announced": {stays: true, actors: cast(modelKeys[1], drawn{kind: "keeper"}, drawn{kind: "unkeeper"}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(first)
		m.all(more)
		m.later(nextScan)
		m.all(second)
		m.all(more + 1)
		m.later(nextScan)
		m.scan()
	}},
	"four locks are due": {stays: false, actors: []drawn{
		{kind: "job", key: "live/1"}, {kind: "auto"}, {kind: "auto"}, {kind: "job", key: "live/2"}, {kind: "job", key: "live/3"}, {kind: "job", key: "live/4"},
	}, play: func(m *model) {
		jobs := []int{theJob, 3, 4, 5}
		for _, i := range jobs {
			m.goOn(m.processes[i], burst{writes: true, calls: 2})
		}
		for _, i := range jobs {
			m.ends(m.processes[i].job, "cancelled")
			m.passes(time.Second) // so that theirs is the first that is due
		}
		m.later(17 * time.Minute)
		m.all(first)
		m.later(nextScan)
		m.all(second)
		events, err := m.events()
		if held := len(m.history.locks); err != nil || held != 2 || events["auto.paused "] != 1 {
			m.history.breaks("%d halves of locks are left, and it was published: %v, %v", held, events, err)
		}
	}},
	"the run is started again, and its new client holds the lock": {stays: true, actors: cast(modelKeys[1]), play: func(m *model) {
		m.processes[theJob].actor = job{client: client{drawn: drawn{writes: 1}}}
		m.takesLock()
		m.later(17 * time.Minute)
		m.ci.end(m.processes[theJob].job, "cancelled") // says the CI system, of the attempt before
		m.ci.runs[m.processes[theJob].job].updated = m.now().Add(-time.Hour)
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
}

// steps lets a monitor, and the functions that it invokes, make that many calls. It says
// whether there are more.
func (m *model) steps(p *process, n int) bool {
	if !p.started {
		m.begin(p)
	}
	for ; ; n-- {
		synctest.Wait()
		pending := slices.DeleteFunc(m.gate.pending(), func(w *waiting) bool { return w.process != p && !slices.Contains(m.children, w.process) })
		if len(pending) == 0 {
			return false
		}
		if n == 0 {
			return true
		}
		m.pass(pending[0], passes)
	}
}

// The scan that releases stops before each of its calls, and before each of those of the
// unlock function that it invokes, while something happens that forbids the release, or
// another monitor does the same whose clock is ahead.
func TestAutomaticDuels(t *testing.T) {
	w, n := engineWorld(t), 0
	for _, other := range []drawn{
		{kind: "lockless", writes: 1, managed: true}, {kind: "row alone"}, {kind: "keeper"}, {kind: "keep"}, {kind: "tagger"}, {kind: "rerun", writes: 1}, {kind: "auto", clock: 2 * time.Minute},
	} {
		for i, goesOn := 0, true; goesOn; i++ {
			n++
			p := plan{paths: everything, orphans: make([]bool, len(modelKeys)), mode: policy.AutoRelease, actors: cast(modelKeys[i%2], other)}
			broken := try(t, w, nil, p, func(m *model) {
				m.takesLock()
				m.cancelled()
				m.all(first)
				m.later(nextScan)
				goesOn = m.steps(m.processes[second], i)
				m.all(more)
				m.invoked(m.processes[second])
				m.finish()
			})
			if broken != "" {
				t.Fatalf("%s comes before call %d of the release: %s", other.kind, i+1, broken)
			}
		}
	}
	t.Log(n, "duels")
}

// Each condition of an automatic release, violated alone, leads to no release, and all of
// them together do.
func TestAutomatic(t *testing.T) {
	w := engineWorld(t)
	for name, c := range automaticCases {
		t.Run(name, func(t *testing.T) {
			if c.mode == "" {
				c.mode = policy.AutoRelease
			}
			p := plan{paths: everything, orphans: make([]bool, len(modelKeys)), mode: c.mode, actors: c.actors}
			there := false
			broken := try(t, w, nil, p, func(m *model) {
				c.play(m)
				there = m.history.holds(string(m.Path(m.processes[theJob].key)), m.processes[theJob].id)
				m.finish()
			})
			if broken != "" {
				t.Fatal(broken)
			}
			if there != c.stays {
				t.Errorf("its lock is there: %t", there)
			}
		})
	}
}
