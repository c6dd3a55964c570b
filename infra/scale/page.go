package scale

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/infra/expression"
)

// scan reads a page: first the crowd's, then the written rows as if they came behind.
func (t *Table) scan(r request) answer {
	start := r.ExclusiveStartKey
	if spans := t.spans(); len(spans) > 0 {
		n := 0
		if start != nil {
			n = slices.IndexFunc(spans, func(s span) bool { return start["LockID"]["S"] == t.digestRow(s.to - 1)["LockID"]["S"] }) + 1
		}
		if start == nil || n > 0 {
			if n < len(spans) {
				return t.scanCrowd(r, spans[n], n+1 < len(spans) || len(t.rows) > 0)
			}
			start = nil // the crowd is read, the written rows come
		}
	}
	return t.read(r, t.keys(), start, func(Item) (bool, error) { return true, nil })
}

func (t *Table) scanCrowd(r request, s span, more bool) answer {
	p := page{Items: []Item{}}
	// Digests differ in their values only: where the filter looks at none, one answer is
	// for all of them.
	wanted, err := keep(r, t.digestRow(s.from))
	each := strings.Contains(r.FilterExpression, ":")
	for i := s.from; i < s.to && err == nil; i++ {
		p.ScannedCount++
		if each {
			wanted, err = keep(r, t.digestRow(i))
		}
		if wanted {
			p.Items = append(p.Items, project(r, t.digestRow(i)))
		}
		if err != nil || !t.Crowd.locked(i) {
			continue
		}
		p.ScannedCount++
		var ok bool
		row := t.lockRow(i)
		if ok, err = keep(r, row); ok {
			p.Items = append(p.Items, project(r, row))
		}
	}
	if err != nil {
		return refuse("ValidationException", err.Error())
	}
	if p.Count = len(p.Items); more {
		p.LastEvaluatedKey = t.keyItem(t.digestRow(s.to - 1))
	}
	return asJSON(p)
}

// query reads a page of the rows that meet the key condition.
func (t *Table) query(r request) answer {
	if r.KeyConditionExpression == "" {
		return refuse("ValidationException", "a query without a key condition")
	}
	hash, err := t.partition(r)
	if err != nil {
		return refuse("ValidationException", err.Error())
	}
	keys := t.keys()
	from, _ := slices.BinarySearch(keys, hash+"\x00")
	to, _ := slices.BinarySearch(keys, hash+"\x01")
	return t.read(r, keys[from:to], r.ExclusiveStartKey, func(item Item) (bool, error) {
		return r.holds(r.KeyConditionExpression, item)
	})
}

// equals is `name = :value` in an expression.
var equals = regexp.MustCompile(`([#\w]+)\s*=\s*(:\w+)`)

// partition is the value of the hash key that a query must name.
func (t *Table) partition(r request) (string, error) {
	for _, m := range equals.FindAllStringSubmatch(r.KeyConditionExpression, -1) {
		if cmp.Or(r.ExpressionAttributeNames[m[1]], m[1]) == t.Hash {
			return r.ExpressionAttributeValues[m[2]]["S"], nil
		}
	}
	return "", fmt.Errorf("%q does not name the hash key %s", r.KeyConditionExpression, t.Hash)
}

// read returns a page of at most 1 MB, or of the limit, of the written rows of these keys behind start: those
// in reach count for the page's size, those that meet the filter too are on it.
func (t *Table) read(r request, keys []string, start Item, inReach func(Item) (bool, error)) answer {
	p, bytes := page{Items: []Item{}}, 0
	var last Item
	for _, key := range t.keysBehind(keys, start, r.ScanIndexForward == nil || *r.ScanIndexForward) {
		item := t.rows[key]
		ok, err := inReach(item)
		if ok {
			full := r.Limit > 0 && p.ScannedCount == r.Limit
			if bytes += size(item); full || (bytes > pageBytes && last != nil) {
				p.LastEvaluatedKey = t.keyItem(last)
				break
			}
			p.ScannedCount++
			last = item
			ok, err = r.holds(r.FilterExpression, item)
		}
		if err != nil {
			return refuse("ValidationException", err.Error())
		}
		if ok {
			p.Items = append(p.Items, project(r, item))
		}
	}
	p.Count = len(p.Items)
	return asJSON(p)
}

// keysBehind are those behind start, or all where there is none, in the order of reading.
func (t *Table) keysBehind(keys []string, start Item, forward bool) []string {
	at, there := 0, false
	if start != nil {
		at, there = slices.BinarySearch(keys, t.keyOf(start))
	}
	switch {
	case forward && there:
		return keys[at+1:]
	case forward:
		return keys[at:]
	case start == nil:
		at = len(keys)
	}
	keys = slices.Clone(keys[:at])
	slices.Reverse(keys)
	return keys
}

func keep(r request, item Item) (bool, error) {
	return r.holds(r.FilterExpression, item)
}

func project(r request, item Item) Item {
	return expression.Project(item, r.ProjectionExpression, r.ExpressionAttributeNames)
}

// update applies an update to a row, or to a new one of that key.
func update(r request, before Item) (Item, error) {
	after := maps.Clone(r.Key)
	maps.Copy(after, before)
	return after, expression.Assign(after, r.UpdateExpression, r.ExpressionAttributeNames, r.ExpressionAttributeValues)
}
