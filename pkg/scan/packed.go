package scan

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
	"unique"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// packed is a holding with what is judged and reported of it, in a third of the memory: a
// scan may have 100,000 of them, and each is unpacked only while it is looked at. The
// bytes, which a release needs, are not kept but for their sum, and no text is longer than its bound:
// whoever can write one row or object can fill it with 400 KB.
type packed struct {
	path               tflock.Path
	id, who            string
	operation, version unique.Handle[string] // there are few, so each is kept once
	etag               string
	sum                [tflock.SumSize]byte // of the bytes
	created, modified  time.Time
	kind               tflock.Kind
	store              string
	err                error
}

// The bounds of texts that holders write, in bytes. A path is bounded by S3 and DynamoDB.
const (
	maxWho       = 512
	maxOperation = 128
	maxVersion   = 64
	maxETag      = 128
)

func pack(h tflock.Holding) packed {
	p := packed{
		path: h.Path, id: tflock.BoundedID(h.Info.ID), who: bounded(h.Info.Who, maxWho),
		operation: unique.Make(bounded(h.Info.Operation, maxOperation)), version: unique.Make(bounded(h.Info.Version, maxVersion)),
		created: h.Info.Created, modified: h.Modified, kind: h.Kind, store: h.Store, err: h.Err,
		etag: strings.Clone(bounded(h.ETag, maxETag)), sum: tflock.SumOf(h.Raw),
	}
	if h.Err != nil {
		p.id = ""
	}
	return p
}

// bounded cuts a text between two characters, and marks it as cut. What it gives does not
// keep the whole text in memory.
func bounded(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	cut := limit - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strings.Clone(text[:cut]) + "…"
}

func (p packed) unpack() tflock.Holding {
	return tflock.Holding{
		Kind: p.kind, Store: p.store, Path: p.path, Err: p.err, Modified: p.modified, ETag: p.etag, Sum: p.sum,
		Info: tflock.Info{ID: p.id, Operation: p.operation.Value(), Who: p.who, Version: p.version.Value(), Created: p.created},
	}
}

// holdings are those of all stores, sorted by path.
type holdings []packed

func (all holdings) sort() {
	slices.SortStableFunc(all, func(a, b packed) int { return cmp.Compare(a.path, b.path) })
}

// at returns the locks on the path of the n-th holding, and where the next path begins.
func (all holdings) at(n int) (locks []tflock.Lock, next int) {
	var same []tflock.Holding
	for next = n; next < len(all) && all[next].path == all[n].path; next++ {
		same = append(same, all[next].unpack())
	}
	return tflock.Merge(same), next
}

// find returns where the holdings on a path begin.
func (all holdings) find(path tflock.Path) (first int, found bool) {
	return slices.BinarySearchFunc(all, path, func(p packed, path tflock.Path) int { return cmp.Compare(p.path, path) })
}
