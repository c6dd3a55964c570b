package policy

import (
	"fmt"
	"maps"
	"time"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// AutoMode says what happens to a lock that may be released automatically.
type AutoMode string

// The modes.
const (
	AutoReport  AutoMode = "report"  // people are notified of what would be released
	AutoRelease AutoMode = "release" // it is released, at the earliest by the next scan
)

// AutoRules are the settings of automatic release. Their zero value is off.
type AutoRules struct {
	Locks Selection
	Mode  AutoMode
}

// AutoRequester asks for automatic releases, in requests and on record.
const AutoRequester = "lockwarden-auto"

// Tags are those of a lock's object.
type Tags struct {
	All     map[string]string
	Problem string // why they are not known; empty when they are
}

// keeps reports whether the lock has the tag that keeps it.
func (t Tags) keeps() bool {
	_, found := t.All[KeepTag]
	return found
}

// AutoCase is what the automatic release of a lock rests on, besides its case. Nothing in
// it may be assumed: its zero value holds the lock back.
type AutoCase struct {
	Tags   *Tags  // nil: nobody asked for them
	KeptBy string // who asked that the lock stays; empty: nobody
	// Alone says that nothing else was found on the lock's path, and that every place that
	// could hold something there was read.
	Alone bool
	// Alias is another name of the state under which something is locked; empty: none. See
	// [tflock.Path.Clean].
	Alias tflock.Path
}

// HeldBack returns a reason for every condition of an automatic release that does not hold,
// less those of the plan. None: the lock may be released automatically.
func (c Case) HeldBack(a AutoCase) []string {
	if c.Verdict == Unreadable {
		return []string{"it cannot be read"}
	}
	reasons := c.runHoldsBack()
	if c.State.Problem != "" {
		reasons = append(reasons, "whether its state was written since its run ended is not known: "+c.State.Problem)
	}
	switch {
	case len(c.Rivals) > 0:
		reasons = append(reasons, "another lock is on the same state")
	case a.Alias != "":
		reasons = append(reasons, "the same state is locked by another name, "+plain.Quoted(a.Alias))
	case !a.Alone:
		reasons = append(reasons, "whether another lock is on the same state is not known, since not everything could be read")
	}
	switch {
	case a.Tags == nil || a.Tags.Problem != "":
		problem := "nobody asked for them"
		if a.Tags != nil {
			problem = a.Tags.Problem
		}
		reasons = append(reasons, "the tags of its object are not known: "+problem)
	case a.Tags.keeps():
		reasons = append(reasons, "its object has the tag "+KeepTag)
	}
	if a.KeptBy != "" {
		reasons = append(reasons, a.KeptBy+" asked to keep the lock")
	}
	if may, why := c.MayRelease(); !may && len(reasons) == 0 {
		reasons = append(reasons, why)
	}
	return reasons
}

// runHoldsBack returns the reasons that are in the lock's run.
func (c Case) runHoldsBack() []string {
	switch {
	case c.Run == nil:
		return []string{"no CI run is known to be behind it"}
	case !c.ended():
		return []string{c.Run.Words(c.At)}
	}
	var reasons []string
	ended := *c.Run.Ended
	if since := c.At.Sub(ended); since <= c.Guard {
		reasons = append(reasons, fmt.Sprintf("its run ended %s ago, and the lock is released %s after that at the earliest", Words(max(0, since)), Words(c.Guard)))
	}
	switch {
	case c.State.Written.After(ended):
		reasons = append(reasons, fmt.Sprintf("its state was written at %s, after its run had ended: somebody else is working on it", Clock(c.State.Written)))
	case c.writtenLately():
		reasons = append(reasons, c.stateReason())
	}
	return reasons
}

// Basis is what a planned release was judged on. Nothing of it may change until then.
type Basis struct {
	Holdings []BasisHolding    `json:"holdings"`
	Source   RunSource         `json:"source"`
	RunID    string            `json:"run_id"`
	Ended    time.Time         `json:"ended"`
	Written  time.Time         `json:"state_last_modified,omitzero"` // zero: there is no state
	Tags     map[string]string `json:"tags,omitempty"`
}

// BasisHolding is one half of the lock: its exact bytes, and what S3 says of the object.
type BasisHolding struct {
	Store    string    `json:"store"`  // ARN
	SHA256   string    `json:"sha256"` // the first half of it, in hex
	ETag     string    `json:"etag,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
}

// Basis is what the lock's release is planned on. It is only of a lock that nothing holds
// back.
func (c Case) Basis(tags Tags) Basis {
	b := Basis{Source: c.Run.Source, RunID: c.Run.ID, Written: c.State.Written.UTC(), Tags: tags.All}
	if c.Run.Ended != nil {
		b.Ended = c.Run.Ended.UTC()
	}
	for _, h := range c.Holdings {
		b.Holdings = append(b.Holdings, BasisHolding{Store: h.Store, SHA256: h.Digest(), ETag: h.ETag, Modified: h.Modified.UTC()})
	}
	return b
}

// Same reports whether nothing has changed.
func (b Basis) Same(o Basis) bool {
	if b.Source != o.Source || b.RunID != o.RunID || !b.Ended.Equal(o.Ended) || !b.Written.Equal(o.Written) || !maps.Equal(b.Tags, o.Tags) || len(b.Holdings) != len(o.Holdings) {
		return false
	}
	// A merged lock has its holdings in the order of their stores, so both lists do.
	for i, h := range b.Holdings {
		g := o.Holdings[i]
		if h.Store != g.Store || h.SHA256 != g.SHA256 || h.ETag != g.ETag || !h.Modified.Equal(g.Modified) {
			return false
		}
	}
	return true
}
