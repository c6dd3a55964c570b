package main

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// trial is one world in which one thing goes wrong.
type trial struct {
	f  function
	at call
	// fault is what goes wrong at that call; with retries the SDK must get over it.
	fault   fault
	retries bool
	// waits has the next regular run heal, in place of Lambda's repeat.
	waits bool
	// beside is a function that runs from beginning to end just before that call, as the
	// same invocation for Lambda delivers some twice, or as another one. It may be nil.
	beside *function
	same   bool
	// twice has the same invocation come again when it is over.
	twice bool
}

// what names that which goes wrong.
func (t trial) what() string {
	switch {
	case t.twice:
		return "twice"
	case t.beside != nil && t.same:
		return "beside itself"
	case t.beside != nil:
		return "beside " + t.beside.name
	case t.retries:
		return t.fault.String() + ", retried"
	case t.waits:
		return t.fault.String() + ", no repeat"
	}
	return t.fault.String()
}

func (t trial) String() string {
	if t.twice {
		return t.f.name + " " + t.what()
	}
	return fmt.Sprintf("%s %s %s", t.f.name, t.at, t.what())
}

// clean runs a function that nothing disturbs, and gives the calls that it made. Broken
// laws are an error: nothing else could be judged then.
func (w *world) clean(f function) ([]call, error) {
	if err := w.reset(); err != nil {
		return nil, err
	}
	wire := &wire{invocation: newInvocation()}
	outcome, err := f.invoke(wire.invocation, w, over(w.aws.Config(), wire, false), "clean")
	if err == nil && outcome != f.wanted {
		err = errors.New(outcome)
	}
	if err == nil {
		err = w.judge(f, func(c contents) []string { return w.healed(c, []function{f}) })
	}
	if err != nil {
		return nil, fmt.Errorf("%s, undisturbed: %w", f.name, err)
	}
	return wire.calls, nil
}

// judge looks at the world, and gives every broken law: those that always hold, and more.
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

// trials are all that is tried with the calls that a function makes.
func trials(f function, calls []call, all []function) []trial {
	list := []trial{{f: f, twice: true}}
	for _, at := range calls {
		for _, fault := range lasting {
			list = append(list, trial{f: f, at: at, fault: fault})
			if f.repeated && (fault == killedBefore || fault == killedAfter) {
				list = append(list, trial{f: f, at: at, fault: fault, waits: true})
			}
		}
		for _, fault := range passing {
			list = append(list, trial{f: f, at: at, fault: fault, retries: true})
		}
		for i := range all {
			list = append(list, trial{f: f, at: at, beside: &all[i]})
		}
		if f.repeated {
			list = append(list, trial{f: f, at: at, beside: &f, same: true})
		}
	}
	return list
}

const request = "11111111-2222-4333-8444-555555555555"

// run makes a trial in this world, and gives the broken laws. A trial whose fault was not
// met, since the run made other calls this time, says so in met.
func (w *world) run(t trial) (met bool, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = errors.Join(err, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	if err := w.reset(); err != nil {
		return false, err
	}
	wire := &wire{at: t.at, fault: t.fault, invocation: newInvocation()}
	tried := []function{t.f}
	if t.beside != nil {
		if t.beside.name != t.f.name {
			tried = append(tried, *t.beside)
		}
		wire.before = func() {
			id := map[bool]string{true: request, false: "another"}[t.same]
			_, _ = t.beside.invoke(newInvocation(), w, w.aws.Config(), id) // what it left undone, the next run does
		}
	}
	outcome, failed := t.f.invoke(wire.invocation, w, over(w.aws.Config(), wire, t.retries), request)
	if t.twice {
		_, failed = t.f.invoke(newInvocation(), w, w.aws.Config(), request)
	}
	met = wire.met || t.twice
	if t.retries {
		if failed != nil || outcome != t.f.wanted {
			err = fmt.Errorf("the SDK did not get over it: %s: %w", outcome, errors.Join(failed))
		}
		return met, errors.Join(err, w.judge(t.f, func(c contents) []string { return w.healed(c, tried) }))
	}
	releases := t.f
	if t.beside != nil && t.beside.name == "unlock" {
		releases = *t.beside
	}
	err = w.judge(releases, func(c contents) []string {
		if failed != nil || wire.dead || t.beside != nil {
			return nil
		}
		return t.f.honest(w, c, outcome)
	})
	for _, f := range tried {
		again, id := f.again, "next"
		if f.repeated && !t.waits && (failed != nil || wire.dead) { // within minutes, then
			again, id = 2*time.Minute, request
		}
		for range max(1, f.heals) {
			err = errors.Join(err, w.advance(again))
			if _, healing := f.invoke(newInvocation(), w, w.aws.Config(), id); healing != nil {
				err = errors.Join(err, fmt.Errorf("the healing run failed: %w", healing))
			}
		}
	}
	err = errors.Join(err, w.judge(releases, func(c contents) []string { return w.healed(c, tried) }))
	if err != nil {
		err = fmt.Errorf("it answered %q, %v:\n%w", outcome, strings.TrimSpace(fmt.Sprint(failed)), err)
	}
	return met, err
}
