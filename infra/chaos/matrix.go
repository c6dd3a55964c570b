package main

import (
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
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
	// scene is how the world is set.
	scene scene
	// blind has reads fail from that call on.
	blind bool
	// trouble, in place of a fault at one call, lasts for the run and its repeat.
	trouble *trouble
	// scanned has the monitor come first, before anybody repeats the call.
	scanned bool
	// twice has the same invocation come again when it is over.
	twice bool
}

// what names that which goes wrong.
func (t trial) what() string {
	switch {
	case t.twice:
		return "twice"
	case t.trouble != nil:
		return t.trouble.name
	case t.blind && t.scanned:
		return t.fault.String() + ", then blind, the monitor first"
	case t.blind:
		return t.fault.String() + ", then blind"
	case t.scanned:
		return t.fault.String() + ", the monitor first"
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
	if t.twice || t.trouble != nil {
		return t.who() + " " + t.what()
	}
	return fmt.Sprintf("%s %s %s", t.who(), t.at, t.what())
}

// who names the function, and the scene if it is not the plain one.
func (t trial) who() string {
	if t.scene == plain {
		return t.f.name
	}
	return fmt.Sprintf("%s (%s)", t.f.name, t.scene)
}

// clean runs a function that nothing disturbs, and gives the calls that it made. Broken
// laws are an error: nothing else could be judged then.
func (w *world) clean(f function, s scene) ([]call, error) {
	if err := w.set(s); err != nil {
		return nil, err
	}
	wire := &wire{invocation: newInvocation()}
	outcome, err := f.invoke(wire.invocation, w, over(w.config(), wire, false), "clean")
	if err == nil && outcome != f.wants(s) {
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

// wants is the outcome when nothing goes wrong.
func (f function) wants(s scene) string {
	if other, is := f.wantedIn[s]; is {
		return other
	}
	return f.wanted
}

// allTrials are those of every function in every scene that it is tried in.
func (w *world) allTrials() (list []trial, err error) {
	for _, s := range []scene{plain, tableOnly, bucketOnly, archived, crowd} {
		for _, f := range functions {
			if !slices.Contains(scenes[s], f.name) {
				continue
			}
			calls, err := w.clean(f, s)
			if err != nil {
				return nil, err
			}
			if s == plain {
				list = append(list, trials(f, calls, functions)...)
			}
			list = append(list, staged(f, calls, s)...)
		}
	}
	return list, nil
}

// staged are the trials of a function in a scene, beside the plain ones: lasting faults,
// answers that leave open what happened, and troubles. In a crowd the calls come in any
// order.
func staged(f function, calls []call, s scene) (list []trial) {
	for i := range troubles {
		list = append(list, trial{f: f, scene: s, trouble: &troubles[i]})
	}
	if s == crowd {
		return list
	}
	for _, at := range calls {
		if s != plain {
			for _, fault := range lasting {
				list = append(list, trial{f: f, scene: s, at: at, fault: fault})
			}
		}
		if at.reads() || !at.is("S3") && !at.is("DynamoDB") {
			continue
		}
		for _, fault := range unsettled {
			if fault == conflicting && !at.is("S3") {
				continue
			}
			open := trial{f: f, scene: s, at: at, fault: fault, blind: true}
			list = append(list, open)
			if fault == conflicting || fault == sentTwice {
				seeing := open
				seeing.blind = false
				list = append(list, seeing)
			}
			if f.name == "unlock" {
				open.scanned = true
				list = append(list, open)
			}
		}
	}
	return list
}

// trials are all that is tried with the calls that a function makes in the plain scene.
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
	if err := w.set(t.scene); err != nil {
		return false, err
	}
	wire := &wire{at: t.at, fault: t.fault, blind: t.blind, trouble: t.trouble, world: w, invocation: newInvocation()}
	tried := []function{t.f}
	if t.beside != nil {
		if t.beside.name != t.f.name {
			tried = append(tried, *t.beside)
		}
		wire.before = func() {
			id := map[bool]string{true: request, false: "another"}[t.same]
			_, _ = t.beside.invoke(newInvocation(), w, w.config(), id) // what it left undone, the next run does
		}
	}
	outcome, failed := t.f.invoke(wire.invocation, w, over(w.config(), wire, t.retries), request)
	if t.twice {
		_, failed = t.f.invoke(newInvocation(), w, w.config(), request)
	}
	met = wire.met || t.twice
	if t.retries {
		if failed != nil || outcome != t.f.wants(t.scene) {
			err = fmt.Errorf("the SDK did not get over it: %s: %w", outcome, errors.Join(failed))
		}
		return met, errors.Join(err, w.judge(t.f, func(c contents) []string { return w.healed(c, tried) }))
	}
	releases := t.f
	if t.beside != nil && t.beside.name == "unlock" {
		releases = *t.beside
	}
	err = w.judge(releases, func(c contents) []string { return w.claims(t, wire, w.first, c, outcome, failed) })
	if t.trouble != nil {
		err = errors.Join(err, w.again(t, releases))
	}
	if t.scanned {
		err = errors.Join(err, w.advance(5*time.Minute))
		if _, scanning := watch(newInvocation(), w, w.config(), "scan"); scanning != nil {
			err = errors.Join(err, fmt.Errorf("the scan that came first failed: %w", scanning))
		}
	}
	for _, f := range tried {
		again, id := f.again, "next"
		if f.repeated && !t.waits && (failed != nil || wire.dead) { // within minutes, then
			again, id = 2*time.Minute, request
		}
		for range max(1, f.heals) {
			err = errors.Join(err, w.advance(again))
			if _, healing := f.invoke(newInvocation(), w, w.config(), id); healing != nil {
				err = errors.Join(err, fmt.Errorf("the healing run failed: %w", healing))
			}
		}
	}
	err = errors.Join(err, w.judge(releases, func(c contents) []string { return append(w.healed(c, tried), w.once(t)...) }))
	if err != nil {
		err = fmt.Errorf("it answered %q, %v:\n%w", outcome, strings.TrimSpace(fmt.Sprint(failed)), err)
	}
	return met, err
}

// claims says what an answer claims that is not so, and which laws of a trouble are
// broken. A process that died, or two at once, claim nothing.
func (w *world) claims(t trial, wire *wire, before, c contents, outcome string, failed error) (l []string) {
	if t.trouble != nil && t.trouble.law != nil {
		l = append(l, t.trouble.law(w, c, wire.calls)...)
	}
	switch {
	case wire.dead || t.beside != nil:
		return l
	case failed != nil:
		return append(l, when(strings.Contains(failed.Error(), "nothing was released") && !maps.Equal(before.locks, c.locks), "it says that nothing was released, and it was")...)
	}
	return append(l, t.f.honest(w, c, outcome)...)
}

// again is the run that comes while the trouble lasts: Lambda's repeat, or the next one.
func (w *world) again(t trial, releases function) error {
	after, id := t.f.again, "again"
	if t.f.repeated {
		after, id = 2*time.Minute, request
	}
	wire := &wire{trouble: t.trouble, world: w, invocation: newInvocation()}
	before, err := w.contents()
	err = errors.Join(err, w.advance(after))
	outcome, failed := t.f.invoke(wire.invocation, w, over(w.config(), wire, false), id)
	return errors.Join(err, w.judge(releases, func(c contents) []string { return w.claims(t, wire, before, c, outcome, failed) }))
}

// once: where a half of the lock went and nobody knew, people hear of it once.
func (w *world) once(t trial) []string {
	if t.f.name != "unlock" || t.trouble != nil || !t.blind || t.fault != cutAfter && t.fault != sentTwice || !t.at.is("S3", "DeleteObject") && !t.at.is("DynamoDB", "DeleteItem") {
		return nil
	}
	heard, err := w.heard()
	return when(err != nil || heard["lock.released "+named] != 1, fmt.Sprintf("people heard of the release %d times", heard["lock.released "+named]))
}
