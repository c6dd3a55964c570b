package main

import (
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

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

// goOn lets one process make its calls. It reports whether there are more.
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
