package main

import (
	"net/http"
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
		m.ci.Refuse(http.StatusInternalServerError)
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
	"its row is gone": {actors: cast(modelKeys[0], drawn{kind: "row goes"}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(more)
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
	"its row is gone since its release was announced": {stays: true, actors: cast(modelKeys[0], drawn{kind: "row goes"}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(first)
		m.all(more)
		m.later(nextScan)
		m.all(second)
	}},
	"its object is gone since its release was announced": {stays: true, actors: cast(modelKeys[0], drawn{kind: "object goes"}), play: func(m *model) {
		m.takesLock()
		m.cancelled()
		m.all(first)
		m.all(more)
		m.later(nextScan)
		m.all(second)
		m.later(nextScan)
		m.scan()
	}},
	"another run that its tag names is in progress": {stays: true, actors: cast(modelKeys[1], drawn{kind: "witness"}), play: func(m *model) {
		m.processes[theJob].actor = job{client: client{drawn: drawn{writes: 1}}, naming: bySession, tag: "99"}
		m.ci.Begin("99")
		m.takesLock()
		m.all(more)
		m.ci.End(m.processes[theJob].job, "cancelled", m.now())
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
	"a slow scan announces it again after it was claimed": {stays: true, actors: cast(modelKeys[1], drawn{kind: "auto"}, drawn{kind: "auto"}), play: func(m *model) {
		for i, ahead := range map[int]time.Duration{first: 2 * time.Minute, second: 0, more: 4 * time.Minute, more + 1: 6 * time.Minute} {
			m.processes[i].actor = autoScanning{drawn: drawn{clock: ahead}, promisesNow: true} // so that each takes the other's lease for over
		}
		m.takesLock()
		m.cancelled()
		m.steps(m.processes[second], 13)           // it has seen no plan, and is about to announce one
		m.all(first)                               // announces it
		m.dies(m.processes[more], "Invoke unlock") // has claimed it; the function takes its time
		m.steps(m.processes[second], 20)
		m.all(more + 1) // must not invoke the function once more
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
		m.ci.End(m.processes[theJob].job, "cancelled", m.now().Add(-time.Hour)) // says the CI system, of the attempt before
		m.all(first)
		m.later(nextScan)
		m.all(second)
	}},
}
