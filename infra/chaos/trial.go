package main

import (
	"fmt"
	"slices"
)

// trial is one world in which one thing goes wrong.
type trial struct {
	function function
	scene    scene
	at       call
	// fault is what goes wrong at that call; with retries the SDK must get over it.
	fault   fault
	retries bool
	// noRepeat has the next regular run heal, in place of Lambda's repeat.
	noRepeat bool
	// beside is a function that runs from beginning to end just before that call, as the
	// same invocation for Lambda delivers some twice, or as another one. It may be nil.
	beside *function
	same   bool
	// readsFail has the reads of that service fail from that call on.
	readsFail bool
	// trouble, in place of a fault at one call, lasts for the run and its repeat.
	trouble *trouble
	// monitorFirst has the monitor come before anybody repeats the call.
	monitorFirst bool
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
	case t.beside != nil && t.same:
		return "beside itself"
	case t.beside != nil:
		return "beside " + t.beside.name
	}
	name := t.fault.String()
	for _, more := range []struct {
		is   bool
		name string
	}{{t.readsFail, ", then reads fail"}, {t.monitorFirst, ", the monitor first"}, {t.retries, ", retried"}, {t.noRepeat, ", no repeat"}} {
		if more.is {
			name += more.name
		}
	}
	return name
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
		return t.function.name
	}
	return fmt.Sprintf("%s (%s)", t.function.name, t.scene)
}

// allTrials are those of every function in every scene that it is tried in.
func (w *world) allTrials() (list []trial, err error) {
	for _, s := range order {
		for _, f := range functions {
			if !slices.Contains(settings[s].functions, f.name) {
				continue
			}
			calls, err := w.cleanRun(f, s)
			if err != nil {
				return nil, err
			}
			list = append(list, trialsOf(f, s, calls)...)
		}
	}
	return list, nil
}

// trialsOf are those of a function in a scene, with the calls of a clean run of it.
func trialsOf(f function, s scene, calls []seen) (list []trial) {
	if s == plain {
		list = append(list, trial{function: f, twice: true})
		for _, c := range calls {
			list = append(list, plainTrials(f, c.call)...)
		}
	}
	for i := range troubles {
		list = append(list, trial{function: f, scene: s, trouble: &troubles[i]})
	}
	if settings[s].anyOrder {
		return list
	}
	for _, c := range calls {
		if s != plain {
			for _, fault := range lasting {
				list = append(list, trial{function: f, scene: s, at: c.call, fault: fault})
			}
		}
		list = append(list, openTrials(f, s, c)...)
	}
	return list
}

// plainTrials are what is tried with a call in the plain scene alone.
func plainTrials(f function, at call) (list []trial) {
	for _, fault := range lasting {
		list = append(list, trial{function: f, at: at, fault: fault})
		if f.repeated && (fault == killedBefore || fault == killedAfter) {
			list = append(list, trial{function: f, at: at, fault: fault, noRepeat: true})
		}
	}
	for _, fault := range passing {
		list = append(list, trial{function: f, at: at, fault: fault, retries: true})
	}
	for i := range functions {
		list = append(list, trial{function: f, at: at, beside: &functions[i]})
	}
	if f.repeated {
		list = append(list, trial{function: f, at: at, beside: &f, same: true})
	}
	return list
}

// openTrials are those after which it is not known whether a call that writes had its effect:
// its answer says so, or says that something else is there, and the reads that would tell
// fail too.
func openTrials(f function, s scene, c seen) (list []trial) {
	if c.reads() || !c.is("S3") && !c.is("DynamoDB") {
		return nil
	}
	for _, fault := range unsettled {
		if fault == conflicting && !c.is("S3") || fault == rival && !c.ofLock() {
			continue
		}
		open := trial{function: f, scene: s, at: c.call, fault: fault, readsFail: true}
		list = append(list, open)
		if fault == conflicting || fault == sentTwice || fault == rival {
			reading := open
			reading.readsFail = false
			list = append(list, reading)
		}
		if f.name == "unlock" {
			open.monitorFirst = true
			list = append(list, open)
		}
	}
	return list
}
