package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// atOnce is how many mails are on their way at the same time: one that the server takes minutes for keeps no other back.
	atOnce = 8
	// patience is how long whoever publishes waits for the server. What is not decided by then stays in the outbox.
	patience = 2 * time.Second
	// pause is between two tries; where the server does not take a text each is twice as long, up to maxPause.
	pause    = time.Minute
	maxPause = 30 * time.Minute
	// saidAfter is after how many tries people learn that a message is put off.
	saidAfter = 3
	// maxTries is how often a message that is put off is tried: with those pauses, for two days. The time that it was published says
	// nothing: the server may have been away for days.
	maxTries = 100
	// maxWaiting bounds the outbox.
	maxWaiting = 1000
)

// sends gives one mail to the server. It fails with *[textError] where the server did not take the text.
type sends func(ctx context.Context, subject, text string) error

// outbox has each message that the mail server did not take yet, in a file of its own.
type outbox struct {
	folder string
	send   sends
	wake   chan struct{}

	mu      sync.Mutex
	waiting map[string]*entry // by the name of the file
	down    error             // why the server took no mail when it was last asked, whatever the text; nil: it took one, or was not asked yet
}

// entry is a message in the outbox.
type entry struct {
	message
	due     time.Time
	sending bool
	first   chan error // whoever published it waits for the first try; nil: nobody does
}

// add takes a message. It returns once the server has it, or did not take its text, or nothing is decided in time: then the message is sent
// later, unless the server took no mail at all when it was last asked. It fails where the server takes none, and keeps nothing: whoever publishes it
// does so again.
func (o *outbox) add(ctx context.Context, m message) error {
	first := make(chan error, 1)
	name, err := o.put(m, first)
	if err != nil {
		return err
	}
	select {
	case err := <-first:
		return err
	case <-time.After(patience):
	case <-ctx.Done():
	}
	if err := o.withdraw(name); err != nil {
		return err
	}
	if o.answer(name, nil) {
		return nil
	}
	return <-first // it came meanwhile
}

// withdraw takes a message back that nothing is decided about, where the server takes no mail at all, and says why it takes none. One that is on its
// way stays until that is over: whoever published it counts as waiting.
func (o *outbox) withdraw(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.waiting[name]
	if e == nil || o.down == nil {
		return nil
	}
	if e.sending {
		return o.down
	}
	delete(o.waiting, name)
	return errors.Join(o.down, os.Remove(filepath.Join(o.folder, name)))
}

// takes keeps why the server takes no mail at all, as far as it shows that with a message, and returns it. Nothing in a notice without names is anybody's
// choice: a server that does not take that takes nothing.
func (o *outbox) takes(m message, err error) (down error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, ofText := errors.AsType[*textError](err)
	_, noText := errors.AsType[*textError](o.down)
	switch {
	case !ofText, m.Bare != "" && m.Text == m.Bare:
		o.down = err
	case !noText: // it is there again, and came as far as the text
		o.down = nil
	}
	return o.down
}

// answer gives the result to whoever published a message and still waits. It reports whether somebody did.
func (o *outbox) answer(name string, err error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	e := o.waiting[name]
	if e == nil || e.first == nil {
		return false
	}
	e.first <- err
	e.first = nil
	return true
}

// put writes a message into the outbox.
func (o *outbox) put(m message, first chan error) (name string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.makeRoom(); err != nil {
		return "", err
	}
	name = m.Published.UTC().Format("20060102T150405.000000000") + "-" + rand.Text() + ".json"
	if err := o.write(name, m); err != nil {
		return "", err
	}
	o.waiting[name] = &entry{message: m, due: m.Published, first: first}
	o.ring()
	return name, nil
}

// makeRoom gives up a message whose text the server did not take most often, where there are too many.
func (o *outbox) makeRoom() error {
	if len(o.waiting) < maxWaiting {
		return nil
	}
	worst := ""
	for name, e := range o.waiting {
		if !e.sending && e.Tries > 0 && (worst == "" || e.Tries > o.waiting[worst].Tries) {
			worst = name
		}
	}
	if worst == "" {
		return fmt.Errorf("%d messages wait for the mail server already", len(o.waiting))
	}
	return o.giveUp(worst)
}

// ring wakes who sends.
func (o *outbox) ring() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// run sends what is due until ctx ends.
func (o *outbox) run(ctx context.Context) {
	slots := make(chan struct{}, atOnce)
	for ctx.Err() == nil {
		name, m, in := o.next(len(slots) < atOnce)
		if name == "" {
			select {
			case <-o.wake:
			case <-time.After(in):
			case <-ctx.Done():
			}
			continue
		}
		slots <- struct{}{}
		go func() {
			o.deliver(ctx, name, m)
			<-slots
			o.ring()
		}()
	}
}

// next is the next message that is due, those first that were tried least; without one it says in what time to look again.
func (o *outbox) next(free bool) (name string, m message, in time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	in = maxPause
	for other, e := range o.waiting {
		switch wait := time.Until(e.due); {
		case !free || e.sending:
		case wait > 0:
			in = min(in, wait)
		case name == "" || cmp.Or(e.Tries-o.waiting[name].Tries, strings.Compare(other, name)) < 0:
			name = other
		}
	}
	if name == "" {
		return "", message{}, in
	}
	o.waiting[name].sending = true
	return name, o.waiting[name].message, 0
}

// deliver tries to send a message.
func (o *outbox) deliver(ctx context.Context, name string, m message) {
	err := o.send(ctx, m.Subject, m.Text)
	if err != nil && ctx.Err() != nil {
		return // the next mailer sends it
	}
	if err == nil {
		slog.Info("sent", "subject", m.Subject)
	} else {
		slog.Error("not sent", "subject", m.Subject, "error", err)
	}
	var written error
	down := o.takes(m, err)
	refusal, ofText := errors.AsType[*textError](err)
	switch heard := o.answer(name, down); {
	case err == nil, heard && down != nil:
		written = o.remove(name)
	case ofText:
		written = o.notTaken(name, m, refusal)
	default:
		written = o.again(name, m, pause)
	}
	if written != nil {
		slog.Error("the outbox cannot be written", "folder", o.folder, "error", written)
	}
}

// notTaken decides whether a message whose text the server did not take is sent again.
func (o *outbox) notTaken(name string, m message, e *textError) error {
	m.Tries++
	isNotice := m.Bare != ""
	over := m.Tries >= maxTries && !isNotice // it shows whether the server takes anything: see takes
	var err error
	switch {
	case isNotice:
		m.Text = m.Bare
	case e.permanent():
		over = true
		_, err = o.put(m.notice(e, "It is in the folder "+o.refused()+".", time.Now()), nil)
	case m.Tries == saidAfter:
		_, err = o.put(m.notice(e, "It is sent again for two days.", time.Now()), nil)
	}
	if over && err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.giveUp(name)
	}
	return errors.Join(err, o.again(name, m, min(pause<<min(m.Tries-1, 5), maxPause)))
}
