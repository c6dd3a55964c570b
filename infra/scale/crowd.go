package scale

import (
	"fmt"
	"strconv"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Crowd is a number of states of which some are locked, spread evenly.
type Crowd struct {
	States int
	Locks  int
	// Taken is when the locks were, by the clock of who took them.
	Taken time.Time
	// Content is what the i-th state's lock says; nil: what a client writes.
	Content func(i int, path string) string
	// State is what the i-th state is; nil: an empty one, whose digest and whose ETag in a
	// listing are made up.
	State func(i int) string
}

// stateKey is the i-th state's key. Its width is fixed, so that the keys sort as they
// count.
func stateKey(i int) string {
	return fmt.Sprintf("teams/team-%04d/project-%08d/environments/production/terraform.tfstate", i/1000, i)
}

// indexOf is the number of the state of that key, and false for any other key.
func indexOf(key string) (int, bool) {
	const at = len("teams/team-0000/project-")
	if len(key) < at+8 {
		return 0, false
	}
	i, err := strconv.Atoi(key[at : at+8])
	return i, err == nil && stateKey(i) == key
}

// locked reports whether the i-th state is, by spreading the locks evenly.
func (c Crowd) locked(i int) bool {
	return i >= 0 && i < c.States && c.locksBefore(i+1) > c.locksBefore(i)
}

func (c Crowd) locksBefore(i int) int {
	if c.States == 0 {
		return 0
	}
	return i * c.Locks / c.States
}

// lockInfo is what the lock's row or object says.
func (c Crowd) lockInfo(i int, path string) string {
	if c.Content != nil {
		return c.Content(i, path)
	}
	id := local.MD5(path) // any spread of bits does
	raw, err := tflock.Info{
		ID:        fmt.Sprintf("%s-%s-%s-%s-%s", id[:8], id[8:12], id[12:16], id[16:20], id[20:]),
		Operation: "OperationTypeApply", Who: fmt.Sprintf("runner@fv-az%03d-%03d", i%1000, i%997), Version: "1.11.4",
		Created: c.Taken.Add(time.Duration(i) * time.Microsecond).UTC(), Path: path,
	}.Marshal()
	if err != nil {
		panic(err) // only a year past 9999 does this
	}
	return string(raw)
}

func (c Crowd) digest(i int) string {
	state := strconv.Itoa(i)
	if c.State != nil {
		state = c.State(i)
	}
	return local.MD5(state)
}

// Lock is the row of one lock, to Put into a lock table.
func Lock(path, id string, taken time.Time) Item { return LockOf(path, id, "me@host", taken) }

// LockOf is the row of somebody's lock.
func LockOf(path, id, who string, taken time.Time) Item {
	raw, err := tflock.Info{ID: id, Operation: "OperationTypeApply", Who: who, Version: "1.11.4", Created: taken.UTC(), Path: path}.Marshal()
	if err != nil {
		panic(err) // only a year past 9999 does this
	}
	return Item{"LockID": {"S": path}, "Info": {"S": string(raw)}}
}

// Digest is the row of a state's digest, to Put into a lock table.
func Digest(path, state string) Item {
	return Item{"LockID": {"S": path + "-md5"}, "Digest": {"S": local.MD5(state)}}
}
