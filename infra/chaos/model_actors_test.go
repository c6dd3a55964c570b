package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// actor is who takes part in the model. A new one is one small type, and a line in kinds.
type actor interface {
	// run makes its calls, which pass one at a time, and returns when it is done.
	run(p *process, cfg aws.Config) error
}

// process is an actor at work.
type process struct {
	*party
	actor
	model   *model
	number  int
	kind    string
	key     string
	started bool
	over    bool
	dead    bool // killed: nothing of it arrives any more
	failed  error
	// cannotPublish has it die as soon as it would publish something.
	cannotPublish bool
	// Of a client:
	undisturbed bool   // nobody without a lock wrote to its state since it began to read
	unexpected  string // what it met that no client must meet
	job         string // the number of its CI run; empty: it is in none
	naming      jobNaming
	tag         string // the run that its lock's tag names
	gone        bool   // it is done with its part of the run
	bucket      *s3.Client
}

// s3 is its client of S3: it takes longer to make one than to call it.
func (p *process) s3(cfg aws.Config) *s3.Client {
	if p.bucket == nil {
		p.bucket = s3For(cfg)
	}
	return p.bucket
}

func (p *process) String() string { return fmt.Sprintf("%d %s %s", p.number, p.kind, p.key) }

// kinds are the actors that can be drawn, and whether they are Lockwarden's.
var kinds = map[string]struct {
	lockwarden bool
	make       func(d drawn, p plan) actor
}{
	"client":    {false, func(d drawn, _ plan) actor { return client{drawn: d} }},
	"lockless":  {false, func(d drawn, _ plan) actor { return lockless{d} }},
	"old":       {false, func(d drawn, _ plan) actor { return client{drawn: d, slashes: true} }},
	"copycat":   {false, func(d drawn, _ plan) actor { return client{drawn: d} }},
	"successor": {false, func(d drawn, _ plan) actor { return client{drawn: d, orphanEnds: beforeItBegins} }},
	"waiter":    {false, func(d drawn, _ plan) actor { return client{drawn: d, tries: 3, orphanEnds: whileItWaits} }},
	"mistaken":  {false, func(d drawn, _ plan) actor { return client{drawn: d, tries: 3, answerLost: true} }},
	"monitor":   {true, func(drawn, plan) actor { return scanning{} }},
	"prune":     {true, func(d drawn, p plan) actor { return pruning{p.paths, d.same} }},
	"job":       {false, func(d drawn, p plan) actor { return job{client: client{drawn: d}, naming: p.jobNaming(d)} }},
	"rerun": {false, func(d drawn, p plan) actor {
		return job{client: client{drawn: d, tries: 2}, again: true, lags: d.managed, naming: p.jobNaming(d)}
	}},
	"witness":       {false, func(d drawn, _ plan) actor { return witnessing{d.same} }},
	"cancel":        {false, func(d drawn, _ plan) actor { return cancelling{d.target} }},
	"tagger":        {false, func(d drawn, _ plan) actor { return tagging{} }},
	"keeper":        {false, func(d drawn, _ plan) actor { return tagging{keeps: true} }},
	"unkeeper":      {false, func(d drawn, _ plan) actor { return untagging{} }},
	"row alone":     {false, func(d drawn, _ plan) actor { return rowAlone{d} }},
	"row goes":      {false, func(drawn, plan) actor { return halving{} }},
	"object goes":   {false, func(drawn, plan) actor { return halving{object: true} }},
	"keep":          {true, func(d drawn, _ plan) actor { return keeping{d.target} }},
	"auto":          {true, func(d drawn, _ plan) actor { return autoScanning{drawn: d} }},
	"accept":        {true, func(drawn, plan) actor { return &repairing{action: policy.AcceptState} }},
	"delete digest": {true, func(drawn, plan) actor { return &repairing{action: policy.DeleteDigest} }},
	"roll back":     {true, func(d drawn, _ plan) actor { return &repairing{action: policy.RestoreVersion, back: 1 + d.writes} }},
	"restore":       {true, func(drawn, plan) actor { return restoring{} }},
	"unlock":        {true, func(d drawn, p plan) actor { return releasing{d.target, true, p.naming(d)} }},
	"unforced":      {true, func(d drawn, p plan) actor { return releasing{d.target, false, p.naming(d)} }},
}

type scanning struct{}

func (scanning) run(p *process, cfg aws.Config) error {
	_, err := runMonitor(context.Background(), p.model.world, cfg, "")
	return err
}

// pruning is a prune for which every state counts as stale at once. Two of the same request
// are what Lambda delivers twice.
type pruning struct {
	paths string
	same  bool
}

func (a pruning) run(p *process, cfg aws.Config) error {
	id := "the same request"
	if !a.same {
		id = fmt.Sprint("request ", p.number)
	}
	pruner, err := pruner(p.model.world, cfg, a.paths, 0)
	if err != nil {
		return err
	}
	_, err = pruner.Run(context.Background(), prune.Request{}, id)
	return err
}

type restoring struct{}

func (restoring) run(p *process, cfg aws.Config) error {
	pruner, err := pruner(p.model.world, cfg, everything, 0)
	if err != nil {
		return err
	}
	_, err = pruner.Restore(context.Background(), p.model.Path(p.key), fmt.Sprint("restore of ", p.key, time.Now()))
	return err
}

// naming is how somebody names a lock: by its ID and the path of its state, as our own
// alerts do, by the client's error text, which shows both, or by the ID alone.
type naming int

const (
	byPath naming = iota
	byText
	byID
)

// naming is how a release names its lock. Where somebody has copied an ID, an ID alone is
// of whoever has it.
func (p plan) naming(d drawn) naming {
	switch hostile := slices.ContainsFunc(p.actors, func(d drawn) bool { return d.kind == "copycat" }); {
	case d.same:
		return byText
	case hostile || d.kind == "unforced":
		return byPath
	}
	return byID
}

// releasing names the lock of a client. With force only one that is dead or done, for a
// live one's nobody may; without, anybody's, by somebody who believes what the lock says of
// its own age.
type releasing struct {
	target int // the client's number
	forced bool
	naming naming
}

func (a releasing) run(p *process, cfg aws.Config) error {
	m, r := p.model, unlockRequest{id: clientID(a.target), force: a.forced}
	switch {
	case a.target >= orphan:
		m.notes("it names an orphan")
		r.path = string(m.Path(modelKeys[a.target-orphan]))
	case a.target >= len(m.processes):
		return nil
	default:
		client := m.processes[a.target]
		r.id, r.path = client.id, string(client.name())
		if ended := client.dead || client.over; client.id == "" || a.forced && !ended {
			return nil
		}
	}
	if a.forced {
		m.history.ended[r.id] = true
	}
	switch a.naming {
	case byPath:
	case byText:
		r.text = pasted(r.id, r.path)
	case byID:
		r.path = ""
	}
	m.asked[r.id+" "+r.path] = r
	return m.release(p, cfg, r)
}

// pasted is the error of a client that met the lock.
func pasted(id, path string) string {
	return "Error: Error acquiring the state lock\n\nError message: operation error S3: PutObject, https response error StatusCode: 412\nLock Info:\n" +
		"  ID:        " + id + "\n  Path:      " + path + "\n  Operation: OperationTypeApply\n  Who:       me@host\n  Version:   1.11.4\n  Created:   2026-11-23 07:06:04.85961561 +0000 UTC\n  Info:      \n"
}

// name is the path by which a client names its state.
func (p *process) name() tflock.Path {
	if c, is := p.actor.(client); is && c.slashes {
		return p.model.Path(doubled(p.key))
	}
	return p.model.Path(p.key)
}

func (m *model) release(p *process, cfg aws.Config, r unlockRequest) error {
	p.releases, p.at, p.forced = r.id, r.path, r.force
	_, err := runUnlock(context.Background(), m.world, cfg, r, "request")
	return err
}
