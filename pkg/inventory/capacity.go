package inventory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// What a run holds in memory, in bytes: beside the thing itself its part of the files that are
// written, which are made in memory.
const (
	perState  = 4 << 10 // with texts as most states have them
	usual     = 1 << 10 // bytes of them
	perByte   = 5       // of texts beyond that: in memory, in a file, and packed in another one
	perObject = 48      // the hash of a name, and six times that where the memory is saved
	perText   = 32      // beside its bytes
	perWrite  = 100     // beside the ID of the version
	// maxTexts is more than a reading has: an older version kept longer names.
	maxTexts   = 48 << 10
	perFinding = 512     // beside its JSON, which is in a file and, as texts, in memory
	perSuspect = 2 << 10 // a finding of a digest without its paths
	perPath    = 3       // how often such a finding has its path
	// assumed is where Go has no limit: that of 256 MB, half of what template.yaml gives.
	assumed = 192 << 20
)

// divide returns everything its part of the memory that a run has: Go's limit, which is three
// quarters of what Lambda gives the function (wiring). In the function as it is deployed that is
// 288 MB for states and the names of their objects: 49,152 states of some 40 objects each.
func (r *run) divide(limit int64) {
	if limit <= 0 || limit == math.MaxInt64 {
		limit = assumed
	}
	r.room, r.suspects = newRoom(int(limit/4*3)), newFairList[suspect](int(limit/6))
	r.changes, r.names = newRoom(int(limit/16)), newRoom(int(limit/32))
	r.open = newFairList[record](int(limit / 6))
	for path, s := range r.memory.states {
		r.room.add(path.Prefix(), s.weight())
	}
	for _, rec := range r.memory.records {
		if f := rec.Finding; f.Type.Occurs() {
			r.changes.add(f.Path.Prefix(), weightOf(f))
		}
	}
}

func memoryLimit() int64 { return debug.SetMemoryLimit(-1) }

// weightOf is what a finding takes. In JSON a sign may be six bytes.
func weightOf(f policy.StateFinding) int { return perFinding + 2*inJSON(f) }

// weight is what the finding of a digest will take.
func (s suspect) weight() int { return perSuspect + 2*perPath*inJSON(s.row) }

// inJSON is how many bytes something has as JSON.
func inJSON(v any) int {
	var n counter
	_ = json.NewEncoder(&n).Encode(v) // what cannot be written fails where it is written
	return int(n)
}

// weight is what a state takes.
func (s *state) weight() int {
	texts := len(s.Path) + len(s.ETag)
	escapes := inJSON(s.Path) - len(s.Path) // in a file
	for _, w := range s.Writes {
		texts += len(w.VersionID) + perWrite
	}
	for _, w := range s.newVersions {
		texts += len(w.VersionID) + perWrite
	}
	if s.Read == nil {
		return perState + perByte*max(0, texts-usual) + escapes
	}
	return perState + perByte*max(0, texts+s.Read.texts()-usual) + escapes + perObject*len(s.Read.Objects)
}

// texts is what the texts of a reading take.
func (r *reading) texts() int {
	c := r.Contents
	n := len(r.ETag) + len(r.VersionID) + len(c.Lineage) + len(c.TerraformVersion)
	for _, t := range c.Types {
		n += len(t.Type) + perText
	}
	for _, p := range c.Providers {
		n += len(p) + perText
	}
	return n
}

// admits reports whether there is room for a state that is new.
func (r *run) admits(s *state) bool {
	if prefix := s.Path.Prefix(); r.room.refuses(prefix, s.weight()) {
		r.unlisted++
		return false
	}
	return true
}

// grow changes a state, with what it takes.
func (r *run) grow(s *state, change func()) {
	before := s.weight()
	change()
	r.room.add(s.Path.Prefix(), s.weight()-before)
}

// trim has the largest prefixes give way where the states take too much. They lose the names of
// objects first, those of the states with most of them, and then states, those first that were
// never read.
func (r *run) trim() {
	if !r.room.full() {
		return
	}
	level, largest := r.room.clear()
	crowds := map[string][]*state{}
	for _, s := range r.memory.states {
		if prefix := s.Path.Prefix(); r.room.under[prefix] > level {
			crowds[prefix] = append(crowds[prefix], s)
		}
	}
	for _, prefix := range largest {
		r.dropNames(crowds[prefix], level)
		r.dropStates(crowds[prefix], level)
	}
}

// dropNames gives up the names of the objects of states of one prefix, until it has no more
// than its share.
func (r *run) dropNames(states []*state, level int) {
	slices.SortFunc(states, func(a, b *state) int { return cmp.Or(b.nameCount()-a.nameCount(), byPath(a, b)) })
	for _, s := range states {
		if s.nameCount() == 0 || !r.room.over(s.Path.Prefix(), level) {
			return
		}
		r.grow(s, func() { s.Read.Objects, s.Read.Unnamed = nil, true })
	}
}

// dropStates gives up states of one prefix, until it has no more than its share.
func (r *run) dropStates(states []*state, level int) {
	slices.SortFunc(states, func(a, b *state) int { return cmp.Or(wasRead(a)-wasRead(b), byPath(b, a)) })
	for _, s := range states {
		if !r.room.over(s.Path.Prefix(), level) {
			return
		}
		r.forget(s.Path)
		if r.seen == nil || r.seen[s.Path] { // else it is counted once it is listed
			r.unlisted++
		}
	}
}

// note records what happened to a state. Where that is too much, the last of the largest
// prefixes is left out.
func (r *run) note(f policy.StateFinding) {
	prefix := f.Path.Prefix()
	weight := weightOf(f)
	if r.changes.refuses(prefix, weight) {
		r.unnoted++
		return
	}
	r.memory.records = append(r.memory.records, record{Finding: f})
	if r.changes.add(prefix, weight); !r.changes.full() {
		return
	}
	level, _ := r.changes.clear()
	slices.Reverse(r.memory.records)
	r.memory.records = slices.DeleteFunc(r.memory.records, func(rec record) bool {
		prefix := rec.Finding.Path.Prefix()
		if !rec.Finding.Type.Occurs() || !r.changes.over(prefix, level) {
			return false
		}
		r.changes.add(prefix, -weightOf(rec.Finding))
		r.unnoted++
		return true
	})
	slices.Reverse(r.memory.records)
}

// nameCount is how many names of its objects are in memory.
func (s *state) nameCount() int {
	if s.Read == nil {
		return 0
	}
	return len(s.Read.Objects)
}

func wasRead(s *state) int {
	if s.Read == nil {
		return 0
	}
	return 1
}

// leftOut reports whether a path may be one of those that there was no room for.
func (r *run) leftOut(path tflock.Path) bool {
	return r.unlisted > 0 && r.memory.states[path] == nil && r.room.gaveWay(path.Prefix())
}

// crowd names some top-level prefixes.
func crowd[N any](byPrefix map[string]N) string {
	const shown = 3
	all := slices.Sorted(maps.Keys(byPrefix))
	var names []string
	for _, prefix := range all[:min(len(all), shown)] {
		names = append(names, plain.Quoted(prefix))
	}
	text := strings.Join(names, ", ")
	if more := len(all) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more prefixes", more)
	}
	return text
}

// crowded says what does not fit into the memory.
func (r *run) crowded() {
	if n := r.unlisted; n > 0 {
		r.fail(fmt.Errorf("%d states under %s are not in the report, and nothing is looked for in them: the function's memory is enough for %d states. Give it more (MemorySize in template.yaml)",
			n, crowd(r.room.limits), len(r.memory.states)))
	}
	if n := r.unnoted; n > 0 {
		r.remark(fmt.Sprintf("%d changes of states under %s are not reported: more happened there than the function's memory is enough for", n, crowd(r.changes.limits)))
	}
	unnamed := map[string]int{}
	total := 0
	for path, s := range r.memory.states {
		if s.Read != nil && s.Read.Unnamed {
			unnamed[path.Prefix()]++
			total++
		}
	}
	if total > 0 {
		r.remark(fmt.Sprintf("duplicates of %d states under %s are not looked for: together the states manage more objects than the function's memory is enough for. Give it more (MemorySize in template.yaml)", total, crowd(unnamed)))
	}
}

// reserveNames takes room for the names of a state for which there was none before, and reports
// whether there was some. The state is read again then.
func (s *state) reserveNames(r *room) bool {
	if s.Read == nil || !s.Read.Unnamed || s.Read.Contents.Managed == nil {
		return false
	}
	n := perObject * min(*s.Read.Contents.Managed, maxObjects)
	if !r.fits(s.Path.Prefix(), n) {
		return false
	}
	r.add(s.Path.Prefix(), n)
	return true
}
