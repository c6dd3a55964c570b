package policy

import (
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// StateChange is a state as the last inventory read it, and as it is now.
type StateChange struct {
	Path          tflock.Path
	Before, After StateVersion
	// SameContent says that the bytes did not change. Sealed says that one of the two is
	// encrypted: the same content has other bytes then, each time that it is written.
	SameContent, Sealed bool
	// SameLockHolder is the session that held one and the same lock when both were written; empty
	// where that is not known. One client does not write a serial twice under its lock.
	SameLockHolder string
}

// Judge says what is wrong with how a state changed, or false. A new lineage is another
// state, so that its serial says nothing.
func (c StateChange) Judge() (StateFinding, bool) {
	f, wrong := c.judge()
	if wrong && f.Type != FindingLineageChanged && c.SameLockHolder != "" {
		f.Text += fmt.Sprintf(" Both were written while %s held the lock, so that one of the two writers wrote without it.", plain.Quoted(c.SameLockHolder))
	}
	return f, wrong
}

func (c StateChange) judge() (StateFinding, bool) {
	if c.SameLockHolder != "" {
		c.Before.WrittenBy, c.After.WrittenBy = "", ""
	}
	f := StateFinding{Path: c.Path, Severity: SeverityWarning, Evidence: StateEvidence{Before: &c.Before, After: &c.After, LockOf: c.SameLockHolder}}
	switch b, a := c.Before, c.After; {
	case b.Lineage != "" && a.Lineage != "" && b.Lineage != a.Lineage:
		f.Type = FindingLineageChanged
		f.Text = fmt.Sprintf("State %s was replaced by another one: its lineage was %s in the %s, and is %s in the %s. Unless somebody did that on purpose, what the former state managed is in no state now.",
			plain.Quoted(c.Path), plain.Quoted(b.Lineage), b.named(), plain.Quoted(a.Lineage), a.named())
	case b.Serial == nil || a.Serial == nil:
		return f, false
	case *a.Serial < *b.Serial:
		f.Type = FindingSerialDecreased
		f.Text = fmt.Sprintf("State %s went back from serial %d, in the %s, to serial %d, in the %s: somebody put an older state over a newer one, and what was recorded between them is missing.",
			plain.Quoted(c.Path), *b.Serial, b.named(), *a.Serial, a.named())
	case *a.Serial == *b.Serial && !c.SameContent && !c.Sealed:
		f.Type = FindingSerialReused
		f.Text = fmt.Sprintf("State %s has serial %d twice with different content, in the %s and in the %s: two writers, of which the last one won, or a forced push.",
			plain.Quoted(c.Path), *a.Serial, b.named(), a.named())
	default:
		return f, false
	}
	return f, true
}

// named says which version it is, as a part of a sentence.
func (v StateVersion) named() string {
	text := "version of " + Clock(v.LastModified)
	if v.VersionID != "" {
		text += " (" + v.VersionID + ")"
	}
	if v.WrittenBy != "" {
		text += " by " + v.WrittenBy
	}
	return text
}
