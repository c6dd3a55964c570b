package policy

import (
	"strings"
	"time"
)

// Witness is who took a lock, as S3's own event of its object says: the `witness` of a
// lock's JSON. Who can assume the role chooses the session's name, so it is shown as text
// and trusted no further than SECURITY.md says.
type Witness struct {
	Principal string    `json:"principal"`           // S3's principalId, cleaned, at most MaxPrincipal characters
	Session   string    `json:"session"`             // name of the role's session; empty for any other principal
	SourceIP  string    `json:"source_ip,omitempty"` // empty where S3 does not say, as for many deletes
	TakenAt   time.Time `json:"taken_at"`            // by S3's clock
}

// Removal is who removed a lock's object, as S3's own event says.
type Removal struct {
	Principal string    `json:"principal"`
	Session   string    `json:"session"`
	SourceIP  string    `json:"source_ip,omitempty"`
	RemovedAt time.Time `json:"removed_at"` // by S3's clock
}

// Words say who took the lock, from where and when.
func (w Witness) Words() string {
	return "taken by " + actor(w.Principal, w.Session, w.SourceIP, w.TakenAt)
}

// Words say who removed the lock's object, from where and when.
func (r Removal) Words() string {
	return "removed by " + actor(r.Principal, r.Session, r.SourceIP, r.RemovedAt)
}

// Actor names the witness for people: the session, or who else it was.
func (w Witness) Actor() string {
	if w.Session != "" {
		return "session " + w.Session
	}
	return w.Principal
}

func actor(principal, session, address string, at time.Time) string {
	who := principal
	switch {
	case session != "":
		who = "session " + session + " (" + principal + ")"
	case principal == "":
		who = "somebody whom S3 does not name"
	}
	if address != "" {
		who += " from " + address
	}
	return who + " at " + Clock(at)
}

// AddWitness adds who took the lock's object to a judged case. Its time says nothing of the
// age of an object that is there, which S3 dates itself; it proves how long a row is held
// at least whose object is gone.
func (c *Case) AddWitness(w *Witness) {
	c.Witness = w
	c.prove()
}

// MaxPrincipal bounds a principal, in characters. A role's ID has 21 characters and a
// session's name at most 64, so that only a forged one is longer.
const MaxPrincipal = 256

// rolePrefix begins the principalId of a role's session: `AWS:AROAEXAMPLEID:SESSION`.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
const rolePrefix = "AWS:AROA"

// SessionOf returns the name of the session in a principalId `AWS:AROA…:SESSION`, and an
// empty text for every other principal.
func SessionOf(principal string) string {
	if !strings.HasPrefix(principal, rolePrefix) {
		return ""
	}
	_, session, _ := strings.Cut(principal[len(rolePrefix):], ":")
	return session
}
