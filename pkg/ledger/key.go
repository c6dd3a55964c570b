package ledger

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Key names a lock in the ledger: its path and ID, or for one without an ID its path
// and what identifies the unreadable holding.
type Key struct {
	Path tflock.Path
	ID   string
}

const unreadablePrefix = "unreadable in "

// KeyOf returns the lock's key. An unreadable lock object is identified by its ETag, so a
// second one on the same path is another one. An unreadable row is identified by its
// table alone, so that another tool's row that changes every minute is reported once.
func KeyOf(l tflock.Lock) Key {
	if l.Readable() {
		return Key{l.Path, idOf(l)}
	}
	h := l.Holdings[0]
	id := unreadablePrefix + h.Store
	switch {
	case h.Kind != tflock.S3:
	case h.ETag != "":
		id += " " + h.ETag
	case !h.Modified.IsZero():
		id += " " + h.Modified.UTC().Format(time.RFC3339)
	}
	return Key{l.Path, id}
}

// idOf returns a readable lock's ID in bounds. One that poses as the key of an unreadable
// lock is replaced by its hash too.
func idOf(l tflock.Lock) string {
	id := tflock.BoundedID(l.ID)
	if !strings.HasPrefix(id, unreadablePrefix) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// In finds the lock of the key in a scan.
func (k Key) In(found *scan.Scan) (tflock.Lock, bool) {
	for _, l := range found.On(k.Path) {
		if KeyOf(l) == k {
			return l, true
		}
	}
	return tflock.Lock{}, false
}

// Compare orders keys by path, then by ID.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Path, other.Path), cmp.Compare(k.ID, other.ID))
}

func (k Key) unreadable() bool { return strings.HasPrefix(k.ID, unreadablePrefix) }
