package inventory

import (
	"fmt"
	"math"
	"runtime/debug"
)

// capacity bounds what a run holds in memory, by the memory that it has: Go's limit, which
// is three quarters of what Lambda gives the function (wiring).
type capacity struct {
	states  int // rows of the report, with 3 KB each for what was read and its lines of the report
	objects int // names of managed objects, with 8 bytes each, and six times that where the memory is saved
}

const (
	perState  = 4 << 10
	perObject = 48
	// assumed is where Go has no limit: that of the 256 MB which template.yaml gives.
	assumed = 192 << 20
)

// capacityOf divides that many bytes, half for states and half for objects: 24,576 states and
// 2,097,152 objects in the function as it is deployed.
func capacityOf(limit int64) capacity {
	if limit <= 0 || limit == math.MaxInt64 {
		limit = assumed
	}
	return capacity{states: int(limit / 2 / perState), objects: int(limit / 2 / perObject)}
}

func memoryLimit() int64 { return debug.SetMemoryLimit(-1) }

// crowded says what does not fit into the memory.
func (r *run) crowded() {
	if n := r.unlisted; n > 0 {
		r.fail(fmt.Errorf("%d states are not in the report, and nothing is looked for in them: the function's memory is enough for %d. Give it more (MemorySize in template.yaml)", n, r.capacity.states))
	}
	unnamed := 0
	for _, s := range r.memory.states {
		if s.Read != nil && s.Read.Unnamed {
			unnamed++
		}
	}
	if unnamed > 0 {
		r.notes = append(r.notes, fmt.Sprintf("duplicates of %d states are not looked for: together the states manage more than %d objects, for which the function's memory is enough. Give it more (MemorySize in template.yaml)", unnamed, r.capacity.objects))
	}
}

// fits says whether the names of a state for which there was no room have room now, and
// takes it. The state is read again then.
func (s *state) fits(room *int) bool {
	if s.Read == nil || !s.Read.Unnamed || s.Read.Contents.Managed == nil || *s.Read.Contents.Managed > *room {
		return false
	}
	*room -= *s.Read.Contents.Managed
	return true
}

// makeRoom leaves out the names of the objects of a state that was read where they would be
// too many.
func (r *run) makeRoom(s *state, read *reading) {
	was := 0
	if s.Read != nil {
		was = len(s.Read.Objects)
	}
	if r.objects-was+len(read.Objects) > r.capacity.objects {
		read.Objects, read.Unnamed = nil, true
	}
	r.objects += len(read.Objects) - was
}
