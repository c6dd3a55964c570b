package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/prune"
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
}

func (p *process) String() string { return fmt.Sprintf("%d %s %s", p.number, p.kind, p.key) }

// kinds are the actors that can be drawn, and whether they are Lockwarden's.
var kinds = map[string]struct {
	lockwarden bool
	make       func(d drawn, p plan) actor
}{
	"client":    {false, func(d drawn, _ plan) actor { return client{drawn: d} }},
	"lockless":  {false, func(d drawn, _ plan) actor { return lockless{d} }},
	"successor": {false, func(d drawn, _ plan) actor { return client{drawn: d, orphanEnds: beforeItBegins} }},
	"waiter":    {false, func(d drawn, _ plan) actor { return client{drawn: d, tries: 3, orphanEnds: whileItWaits} }},
	"monitor":   {true, func(drawn, plan) actor { return scanning{} }},
	"prune":     {true, func(d drawn, p plan) actor { return pruning{p.paths, d.same} }},
	"restore":   {true, func(drawn, plan) actor { return restoring{} }},
	"unlock":    {true, func(d drawn, _ plan) actor { return releasing{d.target, true} }},
	"unforced":  {true, func(d drawn, _ plan) actor { return releasing{d.target, false} }},
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

// releasing names the lock of a client. With force only one that is dead or done, for a
// live one's nobody may; without, anybody's, by somebody who believes what the lock says of
// its own age.
type releasing struct {
	target int // the client's number
	forced bool
}

func (a releasing) run(p *process, cfg aws.Config) error {
	m, r := p.model, unlockRequest{id: clientID(a.target), force: a.forced}
	switch {
	case a.target >= orphan:
		m.trace = append(m.trace, "it names an orphan")
		r.path = string(m.Path(modelKeys[a.target-orphan]))
	case a.target >= len(m.processes):
		return nil
	default:
		client := m.processes[a.target]
		r.path = string(m.Path(client.key))
		if ended := client.dead || client.over; client.id == "" || a.forced && !ended {
			return nil
		}
	}
	if a.forced {
		r.path = "" // the ID alone
		m.history.ended[r.id] = true
	}
	m.asked[r.id] = r
	return m.release(p, cfg, r)
}

func (m *model) release(p *process, cfg aws.Config, r unlockRequest) error {
	p.releases, p.forced = r.id, r.force
	_, err := runUnlock(context.Background(), m.world, cfg, r, "request")
	return err
}

func s3For(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}
