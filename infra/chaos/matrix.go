package main

import (
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"strings"
	"time"
)

const (
	request = "11111111-2222-4333-8444-555555555555"
	// repeatedAfter is when Lambda has repeated an invocation that failed.
	repeatedAfter = 2 * time.Minute
)

// cleanRun runs a function that nothing disturbs, and returns the calls that it made. Broken
// laws are an error: nothing else could be judged then.
func (w *world) cleanRun(f function, s scene) ([]seen, error) {
	if err := w.set(s); err != nil {
		return nil, err
	}
	wire := &wire{invocation: newInvocation()}
	outcome, err := f.run(wire.invocation, w, over(w.config(), wire, false), "clean")
	if err == nil && outcome != f.in(s).outcome {
		err = errors.New(outcome)
	}
	if err == nil {
		err = w.judge(f, func(c contents) []string { return w.healed(c, []function{f}) })
	}
	if err != nil {
		return nil, fmt.Errorf("%s, undisturbed, %s: %w", f.name, s, err)
	}
	return wire.calls, nil
}

// judge looks at the world, and returns every broken law: those that always hold, and more.
func (w *world) judge(f function, more func(c contents) []string) error {
	c, err := w.contents()
	if err != nil {
		return err
	}
	var errs []error
	for _, law := range append(w.always(c, f.name == "unlock"), more(c)...) {
		errs = append(errs, errors.New(law))
	}
	return errors.Join(errs...)
}

// attempt is a trial that is made in a world.
type attempt struct {
	trial
	*world
	wire *wire
	// outcome and failed are what the run answered.
	outcome string
	failed  error
	tried   []function // whose work must be done in the end
	release function   // unlock, where it takes part: the named lock may go then
}

// run makes a trial in this world, and returns the broken laws. A trial whose fault was not
// met, since the run made other calls this time, says so in met.
func (w *world) run(t trial) (met bool, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = errors.Join(err, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	if err := w.set(t.scene); err != nil {
		return false, err
	}
	w.disturbed = true
	a := &attempt{trial: t, world: w, tried: []function{t.function}, release: t.function}
	a.wire = &wire{at: t.at, fault: t.fault, readsFail: t.readsFail, trouble: t.trouble, world: w, invocation: newInvocation()}
	if t.beside != nil {
		a.runBeside(t.beside)
	}
	a.invoke()
	met = a.wire.met || t.twice
	if t.retries {
		return met, a.retried()
	}
	err = w.judge(a.release, func(c contents) []string { return a.claims(a.wire, w.first, c, a.outcome, a.failed) })
	if t.trouble != nil {
		err = errors.Join(err, a.again())
	}
	if t.monitorFirst {
		err = errors.Join(err, a.scan())
	}
	err = errors.Join(err, a.heal())
	if err != nil {
		err = fmt.Errorf("it answered %q, %v:\n%w", a.outcome, strings.TrimSpace(fmt.Sprint(a.failed)), err)
	}
	return met, err
}

// runBeside has another function run from beginning to end just before the call.
func (a *attempt) runBeside(f *function) {
	if f.name != a.function.name {
		a.tried = append(a.tried, *f)
	}
	if f.name == "unlock" {
		a.release = *f
	}
	id := "another"
	if a.same {
		id = request
	}
	a.wire.before = func() { _, _ = f.run(newInvocation(), a.world, a.config(), id) } // what it left undone, the next run does
}

// invoke runs the function over the wire, and once more where the trial says so.
func (a *attempt) invoke() {
	a.outcome, a.failed = a.function.run(a.wire.invocation, a.world, over(a.config(), a.wire, a.retries), request)
	if a.twice {
		_, a.failed = a.function.run(newInvocation(), a.world, a.config(), request)
	}
}

// retried judges a run whose fault the SDK had to get over.
func (a *attempt) retried() (err error) {
	if a.failed != nil || a.outcome != a.function.in(a.trial.scene).outcome {
		err = fmt.Errorf("the SDK did not get over it: %s: %w", a.outcome, errors.Join(a.failed))
	}
	return errors.Join(err, a.judge(a.function, func(c contents) []string { return a.healed(c, a.tried) }))
}

// claims says what an answer claims that is not so, and which laws of a trouble are
// broken. A process that died, or two at once, claim nothing.
func (a *attempt) claims(wire *wire, before, c contents, outcome string, failed error) (l []string) {
	if a.trouble != nil && a.trouble.law != nil {
		l = append(l, a.trouble.law(a.world, c, wire.calls)...)
	}
	switch {
	case wire.dead || a.beside != nil:
		return l
	case failed != nil:
		return append(l, when(strings.Contains(failed.Error(), "nothing was released") && !maps.Equal(before.without(a.rivals), c.without(a.rivals)), "it says that nothing was released, and it was")...)
	}
	return append(l, a.function.falseClaims(a.world, c, outcome)...)
}

// again is the run that comes while the trouble lasts: Lambda's repeat, or the next one.
func (a *attempt) again() error {
	after, id := a.function.next, "again"
	if a.function.repeated {
		after, id = repeatedAfter, request
	}
	wire := &wire{trouble: a.trouble, world: a.world, invocation: newInvocation()}
	before, err := a.contents()
	err = errors.Join(err, a.advance(after))
	outcome, failed := a.function.run(wire.invocation, a.world, over(a.config(), wire, false), id)
	return errors.Join(err, a.judge(a.release, func(c contents) []string { return a.claims(wire, before, c, outcome, failed) }))
}

func (a *attempt) scan() error {
	err := a.advance(5 * time.Minute)
	if _, scanning := runMonitor(newInvocation(), a.world, a.config(), "scan"); scanning != nil {
		err = errors.Join(err, fmt.Errorf("the scan that came first failed: %w", scanning))
	}
	return err
}

// heal lets the next runs come, which nothing disturbs, and judges what they leave.
func (a *attempt) heal() error {
	replaced := maps.Clone(a.rivals)
	err := a.rivalsLeave()
	for _, f := range a.tried {
		after, id := f.next, "next"
		if f.repeated && !a.noRepeat && (a.failed != nil || a.wire.dead) {
			after, id = repeatedAfter, request
		}
		for range max(1, f.heals) {
			err = errors.Join(err, a.advance(after))
			if _, healing := f.run(newInvocation(), a.world, a.config(), id); healing != nil {
				err = errors.Join(err, fmt.Errorf("the healing run failed: %w", healing))
			}
			after, id = f.next, "next"
		}
	}
	return errors.Join(err, a.judge(a.release, func(c contents) []string {
		if a.function.name == "unlock" && len(replaced) > 0 {
			return a.besideRival(c, replaced)
		}
		return append(a.healed(c, a.tried), a.publishedOnce()...)
	}))
}

// besideRival: of a lock of which a half was replaced in the middle of the release people
// hear if another half went, and only then.
func (a *attempt) besideRival(c contents, replaced map[string]string) []string {
	went := false
	for at := range a.first.locks {
		went = went || strings.HasSuffix(at, " "+named) && replaced[at] == "" && c.locks[at] == ""
	}
	events, err := a.events()
	reported := events["lock.released "+named] > 0
	unknown := a.readsFail && reported // the event says then that it is not known
	return when(err != nil || went != reported && !unknown, fmt.Sprintf("a half went: %t, and a release was reported: %t", went, reported)).
		and(a.trial.scene == plain && !went, "the other half of the named lock is still there")
}

// publishedOnce: where a half of the lock went and that was not known, people are notified of it
// once.
func (a *attempt) publishedOnce() []string {
	lost := a.fault == cutAfter || a.fault == sentTwice
	deletes := a.at.is("S3", "DeleteObject") || a.at.is("DynamoDB", "DeleteItem")
	if a.function.name != "unlock" || a.trouble != nil || !a.readsFail || !lost || !deletes {
		return nil
	}
	events, err := a.events()
	times := events["lock.released "+named]
	return when(err != nil || times != 1, fmt.Sprintf("the release was published %d times", times))
}

// without are the locks but those of these places.
func (c contents) without(places map[string]string) map[string]string {
	locks := maps.Clone(c.locks)
	for at := range places {
		delete(locks, at)
	}
	return locks
}
