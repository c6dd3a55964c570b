package statelock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Locker takes the locks of states as a client would, in every place where a client
// could look for one: nothing pairs a bucket with a table.
type Locker struct {
	Owner    string    // unique to this invocation, where a request's ID may be another's too
	Request  string    // Lambda's ID of the request, the same when it is repeated
	Deadline time.Time // the invocation is dead by then
	Now      func() time.Time

	stores  backend.Set
	aliases backend.Aliases // other names of states in the tables
	looked  time.Duration   // how long it took to find those of one state
}

// Aliases returns the other names that the tables have for states.
func Aliases(ctx context.Context, tables []*backend.Table) (all backend.Aliases, err error) {
	for _, t := range tables {
		found, err := t.Aliases(ctx)
		if err != nil {
			return backend.Aliases{}, err
		}
		all.Add(found)
	}
	return all, nil
}

// Crowded says why nobody can lock a state: the tables have too many names for it, each of
// which would have to be locked and released, or too many for its neighbours to know its own. It is empty
// where they have not.
func (l *Locker) Crowded(path tflock.Path) string {
	if folder, full := l.aliases.Full(path); full {
		return fmt.Sprintf("the lock tables have rows below %s under too many names (with // or . in them, or of access points), so that it is not known under which names it is locked: find out who writes them", plain.Quoted(plain.Line(string(folder), 200)))
	}
	names := l.aliases.Of(path)
	if !backend.ManyAliases(names) {
		return ""
	}
	return fmt.Sprintf("the lock tables have rows of it under more than %d names, such as %s, so that it cannot be locked: find out who writes them", backend.MaxAliases, plain.Quoted(plain.Line(string(names[0]), 200)))
}

// Names are the names under which a table has our lock of a state, and its digests. Names that climb are none
// of them: whoever may write the rows of the prefix that one begins with could keep our lock there from being released,
// and with it that of another team's state, and a digest there says nothing of the state. See docs/adr/0025.
func (l *Locker) Names(path tflock.Path) []tflock.Path {
	all := []tflock.Path{path}
	for _, name := range l.aliases.Of(path) {
		if !name.LocksOnly() {
			all = append(all, name)
		}
	}
	return all
}

// DigestNames are the names that begin with an access point under which a table may have a digest of a state.
func (l *Locker) DigestNames(path tflock.Path) []tflock.Path { return l.aliases.DigestNames(path) }

// NewName returns a name under which a table has rows of the state now and had none when the
// locker was made, or one under which we take no lock (it climbs, or begins with an access point); empty: there is none. A client of Terraform
// up to 1.5 with such a name locks a row that is not ours, so whoever writes under our lock asks first. It
// reads the tables whole. A name that comes later still is not known to anybody. It fails with
// *UnreadError where that takes much longer than it took before, since somebody may wait for our lock.
func (l *Locker) NewName(ctx context.Context, path tflock.Path) (tflock.Path, error) {
	all, err := aliasesWithin(ctx, l.looked+extraTime, l.stores.Tables, path)
	if err != nil {
		return "", err
	}
	for _, name := range all.Of(path) {
		if name.LocksOnly() || !slices.Contains(l.aliases.Of(path), name) {
			return name, nil
		}
	}
	return "", nil
}

// Place is where a state can be locked: an object in its bucket, or a row.
type Place struct {
	Store backend.Store
	Name  tflock.Path
}

// Places are those where we lock a state, in the order in which Terraform takes them.
func (l *Locker) Places(b *backend.Bucket, path tflock.Path) []Place {
	all := []Place{{b, path}}
	for _, t := range l.stores.Tables {
		for _, name := range l.Names(path) {
			all = append(all, Place{t, name})
		}
	}
	return all
}

// othersAlone are the places where only others lock a state; see [tflock.Path.LocksOnly].
func (l *Locker) othersAlone(path tflock.Path) []Place {
	var all []Place
	for _, t := range l.stores.Tables {
		for _, name := range l.aliases.Of(path) {
			if name.LocksOnly() {
				all = append(all, Place{t, name})
			}
		}
	}
	return all
}

// Held is the lock of a state while we have it.
type Held struct {
	Path     tflock.Path
	Raw      []byte
	Holdings []tflock.Holding // in the order in which they were taken
}

// BusyError says why a lock could not be taken; nothing of ours is there then.
type BusyError struct {
	Why     string
	Refused error // AWS refused it; nil: somebody else has it
}

func (e *BusyError) Error() string { return e.Why }

// LeftError says that a lock of ours is left, or may be.
type LeftError struct {
	Path   tflock.Path
	Raw    string // the lock's bytes
	Err    error
	Denied bool // its release was refused for a cause that does not pass, so that no other lock could be released either
	Unsure bool // whether it was taken at all is not known
}

func (e *LeftError) Error() string {
	if e.Unsure {
		return fmt.Sprintf("whether Lockwarden's own lock on %s was taken is not known, and the next run, or a repeat six minutes later, looks again: %v", plain.Quoted(e.Path), e.Err)
	}
	return fmt.Sprintf("Lockwarden's own lock on %s could not be released, and the next run, or a repeat six minutes later, tries again: %v", plain.Quoted(e.Path), e.Err)
}

func (e *LeftError) Unwrap() error { return e.Err }

// Acquire takes the lock of a state: S3 first, then DynamoDB, as Terraform does. Our
// own leftovers are cleared on the way. It fails with *BusyError, with any other error when
// it is not known why, and with *LeftError beside either where something of ours may be left.
func (l *Locker) Acquire(ctx context.Context, b *backend.Bucket, path tflock.Path, operation Operation, like backend.Encryption) (*Held, error) {
	if why := l.Crowded(path); why != "" {
		return nil, &BusyError{Why: why}
	}
	raw, err := l.sign(path, operation)
	if err != nil {
		return nil, err
	}
	h := &Held{Path: path, Raw: raw}
	for _, at := range l.Places(b, path) {
		if err := l.lock(ctx, b, at, h, like); err != nil {
			return nil, errors.Join(err, l.Release(ctx, h))
		}
	}
	who, err := l.heldIn(ctx, l.othersAlone(path))
	if err == nil && who != "" {
		err = &BusyError{Why: who}
	}
	if err != nil {
		return nil, errors.Join(err, l.Release(ctx, h))
	}
	return h, nil
}

// lock takes a state's lock in one place, for h.
func (l *Locker) lock(ctx context.Context, b *backend.Bucket, at Place, h *Held, like backend.Encryption) error {
	holding, err := at.take(ctx, h.Raw, like)
	if other, isHeld := errors.AsType[*backend.HeldError](err); isHeld && other.By != nil && l.Leftover(*other.By) {
		if err := l.clear(ctx, b, h.Path, other.By.Raw); err != nil {
			return err
		}
		holding, err = at.take(ctx, h.Raw, like)
	}
	other, isHeld := errors.AsType[*backend.HeldError](err)
	failed, isFailure := errors.AsType[*backend.Error](err)
	switch {
	case err == nil:
		h.Holdings = append(h.Holdings, holding)
		return nil
	case isHeld:
		return &BusyError{Why: holder(other.By)}
	case isFailure && failed.Refused():
		return &BusyError{Why: "its lock could not be taken: " + failed.Error(), Refused: err}
	}
	return errors.Join(err, l.mayHold(ctx, at, h))
}

func (at Place) take(ctx context.Context, raw []byte, like backend.Encryption) (tflock.Holding, error) {
	if b, isBucket := at.Store.(*backend.Bucket); isBucket {
		return b.AcquireLike(ctx, at.Name, raw, like)
	}
	return at.Store.Acquire(ctx, at.Name, raw)
}

// mayHold adds what a failed acquire may have left, since its answer may have been lost.
func (l *Locker) mayHold(ctx context.Context, at Place, h *Held) error {
	if _, isTable := at.Store.(*backend.Table); isTable { // its release needs nothing but the bytes
		h.Holdings = append(h.Holdings, tflock.Holding{Kind: tflock.DynamoDB, Store: at.Store.ARN(), Path: at.Name, Raw: string(h.Raw)})
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ReleaseTime)
	defer cancel()
	found, ok, err := at.Store.Find(ctx, at.Name)
	if err != nil {
		return &LeftError{Path: h.Path, Raw: string(h.Raw), Err: err, Unsure: true}
	}
	if ok && found.Raw == string(h.Raw) {
		h.Holdings = append(h.Holdings, found)
	}
	return nil
}

// StillHeld reports whether the lock is still there: a client may have force-unlocked it, or
// a second delivery of the same event taken it for a leftover.
func (l *Locker) StillHeld(ctx context.Context, b *backend.Bucket, h *Held) (bool, error) {
	now, found, err := b.Find(ctx, h.Path)
	return found && now.Raw == string(h.Raw), err
}

// HeldBy says who holds a lock on a state, or nothing. Leftovers of ours do not count.
func (l *Locker) HeldBy(ctx context.Context, b *backend.Bucket, path tflock.Path) (string, error) {
	if why := l.Crowded(path); why != "" {
		return why, nil
	}
	return l.heldIn(ctx, append(l.Places(b, path), l.othersAlone(path)...))
}

// heldIn says who holds a lock in one of some places, or nothing. What cannot be read where others alone lock is
// no lock.
func (l *Locker) heldIn(ctx context.Context, places []Place) (string, error) {
	for _, at := range places {
		h, found, err := at.Store.Find(ctx, at.Name)
		if err != nil {
			return "", err
		}
		if found && !l.Leftover(h) && (h.Err == nil || !at.Name.LocksOnly()) {
			return holder(&h), nil
		}
	}
	return "", nil
}

// holder says in words who has a lock.
func holder(h *tflock.Holding) string {
	switch {
	case h == nil:
		return "it was locked a moment ago"
	case h.Err != nil:
		return "it is locked by something unreadable: " + h.Err.Error()
	}
	said := func(text string, limit int) string { return plain.Quoted(plain.Line(text, limit)) }
	return fmt.Sprintf("%s holds a lock on it (%s, ID %s)", said(h.Info.Who, 100), said(h.Info.Operation, 60), said(h.Info.ID, 60))
}
