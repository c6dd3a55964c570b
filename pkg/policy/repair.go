package policy

import (
	"fmt"
	"slices"
)

// RepairAction is what a repair is to do.
type RepairAction string

// The actions.
const (
	AcceptState    RepairAction = "accept_state"    // set the digests to the state that is there
	DeleteDigest   RepairAction = "delete_digest"   // remove digests that belong to nothing
	RestoreVersion RepairAction = "restore_version" // make an older version the newest
)

// RepairActions are all of them.
var RepairActions = []RepairAction{AcceptState, DeleteDigest, RestoreVersion}

// RepairFacts are what a repair is decided by.
type RepairFacts struct {
	Action RepairAction

	Exists  bool   // there is a state
	Sealed  string // why its bytes cannot be read; empty when they can
	IsState bool   // its bytes are a state, encrypted ones included
	Why     string // they are not, because
	MD5     string // of its bytes

	Digests []string // in the watched tables, one for each row that there is

	// LockfileAlone says that the last locks of the path were lock objects, so that no client
	// uses the digest.
	LockfileAlone bool

	Target    string // MD5 of the version to restore; empty for the other actions
	TargetWhy string // why that version cannot be restored; empty when it can
}

// RepairVerdict is the decision about a repair.
type RepairVerdict int

// The verdicts.
const (
	RefuseRepair RepairVerdict = iota
	NothingToRepair
	MayRepair
)

// MayRepair decides about a repair, and says why.
func (f RepairFacts) MayRepair() (RepairVerdict, string) {
	if f.Sealed != "" {
		return RefuseRepair, "the state cannot be read: " + f.Sealed
	}
	switch f.Action {
	case AcceptState:
		return f.mayAccept()
	case DeleteDigest:
		return f.mayDelete()
	case RestoreVersion:
		return f.mayRestore()
	}
	return RefuseRepair, fmt.Sprintf("%q is not an action", f.Action)
}

func (f RepairFacts) mayAccept() (RepairVerdict, string) {
	switch {
	case !f.Exists:
		return RefuseRepair, "there is no state to accept; delete_digest removes a digest that has no state"
	case !f.IsState:
		return RefuseRepair, "what is there is not a Terraform or OpenTofu state: " + f.Why
	case len(f.Digests) == 0:
		return NothingToRepair, "no watched table has a digest of it, and none is made: clients read it as it is"
	case !slices.ContainsFunc(f.Digests, func(d string) bool { return d != f.MD5 }):
		return NothingToRepair, "every digest is that of the state"
	}
	return MayRepair, "the digests become that of the state that is there"
}

func (f RepairFacts) mayDelete() (RepairVerdict, string) {
	switch {
	case len(f.Digests) == 0:
		return NothingToRepair, "no watched table has a digest of it"
	case !f.Exists:
		return MayRepair, "the digests go, since there is no state"
	case f.LockfileAlone:
		return MayRepair, "the digests go, since the path locks by lockfile alone"
	}
	return RefuseRepair, "there is a state, and its clients may lock by the table and check the digest; accept_state makes the digest right"
}

func (f RepairFacts) mayRestore() (RepairVerdict, string) {
	switch {
	case f.TargetWhy != "":
		return RefuseRepair, f.TargetWhy
	case f.Exists && f.MD5 == f.Target && !slices.ContainsFunc(f.Digests, func(d string) bool { return d != f.Target }):
		return NothingToRepair, "the state has the bytes of that version already, and every digest is theirs"
	}
	return MayRepair, "the bytes of that version become the newest"
}

// StateAndDigests are what a repair found, before or after.
type StateAndDigests struct {
	Digests   map[string]string `json:"digests"`    // by the table's ARN; empty where no watched table has one
	StateMD5  string            `json:"state_md5"`  // empty: there is no state
	VersionID string            `json:"version_id"` // empty in a bucket without versions
	Serial    *uint64           `json:"serial"`     // null where it is not known
}
