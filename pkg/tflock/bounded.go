package tflock

import (
	"crypto/sha256"
	"encoding/hex"
)

// MaxID is how long an ID is kept as it is, in bytes. Clients make IDs of 36; whoever
// can write a row or an object can make one of 400 KB.
const MaxID = 1024

// BoundedID returns the name of a lock with that ID wherever locks are kept in memory,
// recorded or compared: the ID itself, or the hash of one that is longer than MaxID
// bytes. Equal IDs have equal names, and the name of a name is itself, so that it does
// not matter who shortened it first. Compare the BoundedID of both sides: a scan and the
// ledger know a long ID by its name only.
func BoundedID(id string) string {
	if len(id) <= MaxID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:])
}
