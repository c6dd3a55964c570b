package main

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// model is one play.
type model struct {
	*world
	t         *testing.T
	gate      *gate
	outside   *courier // nil: the AWS is in this process
	history   *history
	processes []*process
	children  []*process // the functions that they invoked
	ci        *local.GitHub
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
	m := &model{world: w, t: t, outside: outside, ci: local.NewGitHub("1", w.now), asked: map[string]unlockRequest{}, prunes: map[string]bool{}, attempts: map[string]*runAttempt{}}
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

// config is for whoever calls AWS without waiting.
func (m *model) config() aws.Config {
	if m.engine != nil {
		return m.engine.Config()
	}
	cfg := m.aws.Config()
	cfg.HTTPClient = m.outside
	return cfg
}
