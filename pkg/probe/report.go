package probe

import (
	"fmt"
	"slices"
	"strings"
)

// Answer is how a store treats one kind of request.
type Answer string

// The answers.
const (
	Holds    Answer = "holds"     // it does what S3 and DynamoDB do
	Ignored  Answer = "ignored"   // it does not look at the condition
	Rejected Answer = "rejected"  // it refuses such requests, or those that it ought to accept
	NotKnown Answer = "not_known" // it could not be tried
)

// Versioning says whether the old bytes of an object are kept.
type Versioning string

// The states of a bucket's versioning.
const (
	On        Versioning = "on"
	Off       Versioning = "off"
	Suspended Versioning = "suspended"
	Unknown   Versioning = "not_known"
)

// Report is what a probe found. A table has neither Again nor what follows it. Locks are as safe
// whatever Replace, Gone, Names and Versioning are.
type Report struct {
	Store  string `json:"store"`  // as it was named to the probe
	Create Answer `json:"create"` // a write on condition that there is nothing (If-None-Match: *)
	Delete Answer `json:"delete"` // a delete on condition of what was read (If-Match)
	// Replace is a write on condition of what was read (If-Match), as a repair makes. Empty where
	// nothing was probed.
	Replace Answer `json:"replace,omitempty"`
	// CreateAfterDelete is a write on condition that there is nothing, where something was deleted. In a
	// versioned bucket that is where a delete marker is.
	CreateAfterDelete Answer `json:"again,omitempty"`
	// DeleteAbsent is a delete on condition of what was read, where nothing is any more. Ignored harms
	// no lock: it takes from a release the knowledge of who released.
	DeleteAbsent Answer `json:"gone,omitempty"`
	// DoubleSlash is a key with //. Ignored: it is stored under another key. Rejected: not at all.
	DoubleSlash Answer     `json:"names,omitempty"`
	Versioning  Versioning `json:"versioning,omitempty"`
	Problems    []string   `json:"problems,omitempty"` // why something is not known, or is left
}

// Fails reports whether something does not hold.
func (r Report) Fails() bool {
	return slices.ContainsFunc([]Answer{r.Create, r.Delete, r.CreateAfterDelete}, func(a Answer) bool { return a == Ignored || a == Rejected })
}

// Known reports whether everything could be tried.
func (r Report) Known() bool {
	return r.Create != NotKnown && r.Delete != NotKnown && r.CreateAfterDelete != NotKnown
}

// What does not hold, said of a store.
const (
	createIgnored   = "ignores the condition of a write, so a second client overwrites the lock of the first, and both believe that they hold it"
	deleteIgnored   = "ignores the condition of a delete, so a lock that somebody takes at that moment would be deleted in place of this one"
	createRejected  = "refuses writes on condition that there is nothing, so no lock can be taken"
	deleteRejected  = "refuses deletes on condition of what was read, so no lock can be released"
	replaceIgnored  = "ignores the condition of a write over something, so what a client writes at that moment would be lost"
	replaceRejected = "refuses writes on condition of what was read, so nothing can be repaired"
	againRejected   = "counts a delete marker as an object, so after one lock no other can be taken at the same path, and no state can be restored"
)

// failures are what does not hold, the worst first.
func (r Report) failures() []string {
	var all []string
	for _, f := range []struct {
		is   bool
		text string
	}{
		{r.Create == Ignored, createIgnored},
		{r.Delete == Ignored, deleteIgnored},
		{r.Create == Rejected, createRejected},
		{r.Delete == Rejected, deleteRejected},
		{r.CreateAfterDelete == Rejected, againRejected},
	} {
		if f.is {
			all = append(all, f.text)
		}
	}
	return all
}

// Warning says what does not hold, as a sentence that begins with the store; empty where
// nothing is known to fail.
func (r Report) Warning() string {
	if !r.Fails() {
		return ""
	}
	return r.Store + ": it " + strings.Join(r.failures(), "; it ")
}

// UnsafeUnlock says why a lock in this store cannot be removed safely, or is empty. It is
// empty too where that is not known, and where the store refuses such deletes: it removes
// nothing then.
func (r Report) UnsafeUnlock() string {
	if r.Delete != Ignored {
		return ""
	}
	return r.Store + " " + deleteIgnored
}

// UnsafePrune says why nothing should be deleted or restored in this store, or is empty. In
// doubt nothing should: a state that stays harms nobody.
func (r Report) UnsafePrune() string {
	if r.Fails() {
		return r.Store + " " + r.failures()[0]
	}
	return r.Doubt()
}

// UnsafeRepair says why nothing in this store should be written over, or is empty: what makes a
// prune unsafe, and a store that does not look at what it writes over.
func (r Report) UnsafeRepair() string {
	switch {
	case r.UnsafePrune() != "":
		return r.UnsafePrune()
	case r.Replace == Ignored:
		return r.Store + " " + replaceIgnored
	case r.Replace == Rejected:
		return r.Store + " " + replaceRejected
	case r.Replace == NotKnown:
		return "whether " + r.Store + " writes over something only if it is what was read is not known" + r.because()
	default:
		return ""
	}
}

// Silent says why a release of a lock in this store does not show who released, or is empty.
func (r Report) Silent() string {
	if r.DeleteAbsent != Ignored {
		return ""
	}
	return r.Store + " reports the delete of a lock that is gone already as done"
}

// Doubt says what is not known, or is empty.
func (r Report) Doubt() string {
	if r.Known() {
		return ""
	}
	return "whether " + r.Store + " honours conditional requests is not known" + r.because()
}

func (r Report) because() string {
	if len(r.Problems) == 0 {
		return ""
	}
	return ": " + r.Problems[0]
}

// Words are the findings, for people: what holds for locks first.
func (r Report) Words() []string {
	lines := []string{r.createWords(), r.deleteWords()}
	if r.Replace != "" {
		lines = append(lines, replaceWords[r.Replace])
	}
	if r.CreateAfterDelete != "" {
		lines = append(lines, againWords[r.CreateAfterDelete])
	}
	if r.Versioning != "" {
		lines = append(lines, versioningWords[r.Versioning])
	}
	if r.DeleteAbsent != "" {
		lines = append(lines, goneWords[r.DeleteAbsent])
	}
	if r.DoubleSlash != "" {
		lines = append(lines, nameWords[r.DoubleSlash])
	}
	for _, problem := range r.Problems {
		lines = append(lines, "Problem: "+problem+".")
	}
	return lines
}

func (r Report) createWords() string {
	switch r.Create {
	case Holds:
		return "Locks here are real: the store refuses a second lock on a path."
	case Ignored:
		return "Locks here are not real: the store lets a second client overwrite the lock of the first, so two runs can write one state."
	case Rejected:
		return "Clients cannot lock here: the store refuses writes on condition that there is nothing."
	default:
		return "Whether locks here are real is not known."
	}
}

func (r Report) deleteWords() string {
	switch r.Delete {
	case Holds:
		return "Unlock is safe here: the store deletes a lock only if it is the one that was read."
	case Ignored:
		return "Unlock is not safe here, because the store ignores the condition of a delete: a lock that somebody takes at that moment would be deleted. Unlock refuses without force, and prune deletes nothing."
	case Rejected:
		return "Unlock does not work here, because the store refuses conditional deletes. Nothing is ever removed, and prune deletes nothing."
	default:
		return "Whether unlock is safe here is not known."
	}
}

var replaceWords = map[Answer]string{
	Holds:    "Repair is safe here: the store writes over something only if it is what was read.",
	Ignored:  "Repair is not safe here, because the store ignores the condition of a write over something: what a client writes at that moment would be lost. Repair refuses.",
	Rejected: "Repair does not work here, because the store refuses writes on condition of what was read. Repair refuses.",
	NotKnown: "Whether repair is safe here is not known.",
}

var againWords = map[Answer]string{
	Holds:    "A path can be locked again after an unlock.",
	Ignored:  "A path can be locked again after an unlock, by anybody at any time.",
	Rejected: "A path can be locked only once: the store counts the delete marker of the first lock as an object, so clients fail after the first unlock, and no state can be restored. Switch versioning off, or lock by a table alone.",
	NotKnown: "Whether a path can be locked again after an unlock is not known.",
}

var versioningWords = map[Versioning]string{
	On:        "Versioning is on: a pruned or overwritten state can be brought back.",
	Off:       "Versioning is off: an overwritten state is gone, and prune deletes nothing.",
	Suspended: "Versioning is suspended: an overwritten state is gone, and prune deletes nothing.",
	Unknown:   "Whether versioning is on is not known.",
}

var goneWords = map[Answer]string{
	Holds:    "A release shows who released: of a lock that is gone already the store says so.",
	Ignored:  "A release does not show who released: the store reports the delete of a lock that is gone already as done, so unlock says released where the holder was a moment faster.",
	NotKnown: "Whether a release shows who released is not known.",
}

var nameWords = map[Answer]string{
	Holds:    "States with // in their key are kept here under that key.",
	Ignored:  "States with // in their key cannot be kept here under that key, because the store makes one slash of two: their locks appear under the other key, apart from their rows in a table.",
	Rejected: "States with // in their key cannot be kept here under that key, because the store refuses such keys: clients fail to lock them.",
	NotKnown: "Whether states with // in their key can be kept here is not known.",
}

// notTried is said with every report: what no probe shows.
const notTried = "Not tried: two requests at the same moment. Some stores check a condition and act on it in two steps."

// Limits says what no probe can show.
func Limits() string { return notTried }

// note adds why something is not known.
func (r *Report) note(what string, err error) {
	r.Problems = append(r.Problems, fmt.Sprintf("%s: %v", what, err))
}
