package main

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// runAttempt is one attempt of a run, with the clients that take part.
type runAttempt struct {
	members []*process
	over    bool
}

// naming of a job's run.
type jobNaming int

// job is a client in a run of a CI system, which ends with the last of its clients. again
// makes it one more attempt of the run of another one, if that attempt is over, and else
// another client in the same.
type job struct {
	client
	again  bool
	naming jobNaming
	tag    string // another run that its lock's tag names; empty: none
	lags   bool   // the CI system describes the former attempt for some minutes
}

func (j job) run(p *process, cfg aws.Config) error {
	number := p.number
	if j.again {
		number = j.target
	}
	p.job, p.naming, p.tag = strconv.Itoa(number+1), j.naming, j.tag
	if j.naming == byTag {
		p.tag = p.job
	}
	p.session = p.sessionOf()
	p.model.joins(p, j.lags)
	err := j.client.run(p, cfg)
	if !p.dead {
		p.gone = true
		p.model.leaves(p.job)
	}
	return err
}

// joins has a client take part in its run.
func (m *model) joins(p *process, lags bool) {
	former := m.attempts[p.job]
	if former == nil || former.over {
		m.attempts[p.job] = &runAttempt{}
		m.ci.Begin(p.job)
		if former != nil && lags {
			m.ci.Lag(p.job, "cancelled", m.history.over[former.members[0].id])
		}
	}
	m.attempts[p.job].members = append(m.attempts[p.job].members, p)
}

// leaves ends the run when every client in it is done. One that was killed hangs.
func (m *model) leaves(job string) {
	if !slices.ContainsFunc(m.attempts[job].members, func(p *process) bool { return !p.gone }) {
		m.ends(job, "success")
	}
}

// ends completes the run: its clients may live on for some minutes.
func (m *model) ends(job, conclusion string) {
	a := m.attempts[job]
	if a == nil || a.over {
		return
	}
	a.over = true
	m.ci.End(job, conclusion, m.now())
	for _, p := range a.members {
		m.history.ends(string(m.Path(p.key)), p.id, m.now())
	}
}

// endsLate kills the clients of runs that are over, some minutes later.
func (m *model) endsLate() {
	for job, a := range m.attempts {
		for _, p := range a.members {
			p.dead = p.dead || a.over
		}
		m.ci.UpToDate(job)
	}
}

// cancelling ends the run of another process.
type cancelling struct{ target int }

func (c cancelling) run(p *process, _ aws.Config) error {
	p.model.ends(strconv.Itoa(c.target+1), "cancelled")
	return nil
}

// jobNaming is how a job's run is known. Without a witness nobody would know its session.
func (p plan) jobNaming(d drawn) jobNaming {
	if d.same && slices.ContainsFunc(p.actors, func(d drawn) bool { return d.kind == "witness" }) {
		return bySession
	}
	return byTag
}
