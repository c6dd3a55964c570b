package scale

import (
	"maps"
	"slices"
	"strings"
)

// Table is a DynamoDB table: the rows of a crowd of states, which are only read, and
// rows that were written. A lock table has the key LockID.
type Table struct {
	Name  string
	Hash  string // name of the hash key
	Range string // name of the range key; empty when there is none
	Crowd Crowd

	rows   map[string]Item // written ones, by key
	sorted []string        // their keys; nil when it is out of date
	pages  []span          // of the crowd; made when it is first scanned
}

// span is the states whose rows are on one page, [from, to).
type span struct{ from, to int }

// pageBytes is what DynamoDB reads for one page.
const pageBytes = 1 << 20

// LockTable is a table of locks and digests over the crowd, whose states are in that
// bucket.
func LockTable(name string, crowd Crowd) *Table {
	return &Table{Name: name, Hash: "LockID", Crowd: crowd}
}

// Ledger is an empty table with the keys of the ledger.
func Ledger(name string) *Table { return &Table{Name: name, Hash: "kind", Range: "id"} }

// bucketOfCrowd is where the states of every crowd are.
const bucketOfCrowd = "states"

func (t *Table) digestRow(i int) Item {
	return Item{"LockID": {"S": bucketOfCrowd + "/" + stateKey(i) + "-md5"}, "Digest": {"S": t.Crowd.digest(i)}}
}

func (t *Table) lockRow(i int) Item {
	path := bucketOfCrowd + "/" + stateKey(i)
	return Item{"LockID": {"S": path}, "Info": {"S": t.Crowd.lockInfo(i, path)}}
}

// size is what DynamoDB counts of an item: its names and values in bytes.
func size(item Item) int {
	n := 0
	for name, value := range item {
		n += len(name)
		for _, text := range value {
			n += len(text)
		}
	}
	return n
}

// Put writes a row, as a client that is not measured.
func (t *Table) Put(item Item) {
	if t.rows == nil {
		t.rows = map[string]Item{}
	}
	key := t.keyOf(item)
	if _, there := t.rows[key]; !there {
		t.sorted = nil
	}
	t.rows[key] = item
}

// Len is how many rows were written and are there.
func (t *Table) Len() int { return len(t.rows) }

// Remove deletes a row, as a client that is not measured.
func (t *Table) Remove(hash string) { t.delete(t.keyOf(Item{t.Hash: {"S": hash}})) }

func (t *Table) delete(key string) {
	if _, there := t.rows[key]; there {
		delete(t.rows, key)
		t.sorted = nil
	}
}

func (t *Table) keyOf(item Item) string {
	return item[t.Hash]["S"] + "\x00" + item[t.Range]["S"]
}

func (t *Table) keyItem(item Item) Item {
	key := Item{t.Hash: item[t.Hash]}
	if t.Range != "" {
		key[t.Range] = item[t.Range]
	}
	return key
}

func (t *Table) keys() []string {
	if t.sorted == nil {
		t.sorted = slices.Sorted(maps.Keys(t.rows))
	}
	return t.sorted
}

// get finds a row, of the crowd too; nil when there is none.
func (t *Table) get(key Item) Item {
	if item, ok := t.rows[t.keyOf(key)]; ok {
		return item
	}
	name, inBucket := strings.CutPrefix(key["LockID"]["S"], bucketOfCrowd+"/")
	if !inBucket {
		return nil
	}
	state, isDigest := strings.CutSuffix(name, "-md5")
	i, ok := indexOf(state)
	switch {
	case !ok || i >= t.Crowd.States:
		return nil
	case isDigest:
		return t.digestRow(i)
	case t.Crowd.locked(i):
		return t.lockRow(i)
	}
	return nil
}

// spans parts the crowd's rows into pages.
func (t *Table) spans() []span {
	if t.pages != nil || t.Crowd.States == 0 {
		return t.pages
	}
	page, bytes, digestSize := span{}, 0, size(t.digestRow(0))
	for i := range t.Crowd.States {
		rows := digestSize
		if t.Crowd.locked(i) {
			rows += size(t.lockRow(i))
		}
		if bytes += rows; bytes > pageBytes {
			t.pages = append(t.pages, page)
			page, bytes = span{from: i}, rows
		}
		page.to = i + 1
	}
	t.pages = append(t.pages, page)
	return t.pages
}

// Pages is how many megabytes, begun ones included, a scan reads.
func (t *Table) Pages() int { return len(t.spans()) }
