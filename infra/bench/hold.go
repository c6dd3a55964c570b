package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// group is a cgroup whose processes the kernel kills when they use more memory than it
// has, as Lambda does.
type group struct{ dir string }

// errNoHold says that this machine lets nobody make a cgroup.
var errNoHold = errors.New("no memory cgroup can be made here (root is needed)")

// newGroup makes a memory cgroup, of version 1 or 2, whichever is mounted.
func newGroup(bytes int64) (group, error) {
	name := "lockwarden-bench-" + strconv.Itoa(os.Getpid())
	for _, kind := range []struct{ root, limit, swap string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max", "memory.swap.max"},
	} {
		g := group{filepath.Join(kind.root, name)}
		if os.Mkdir(g.dir, 0o755) != nil { //nolint:gosec // the kernel's own files
			continue
		}
		if err := os.WriteFile(filepath.Join(g.dir, kind.limit), fmt.Appendf(nil, "%d", bytes), 0o644); err != nil { //nolint:gosec // the kernel's own files
			g.remove()
			continue
		}
		// Not every kernel counts swap: without it there is nothing to turn off.
		swap := "0"
		if kind.limit != "memory.max" {
			swap = strconv.FormatInt(bytes, 10)
		}
		_ = os.WriteFile(filepath.Join(g.dir, kind.swap), []byte(swap), 0o644) //nolint:gosec // the kernel's own files
		return g, nil
	}
	return group{}, errNoHold
}

// wrap makes a command that joins the group before it becomes the program.
func (g group) wrap(argv []string) []string {
	join := `echo $$ > "$0/cgroup.procs" && exec "$@"`
	return append([]string{"/bin/sh", "-c", join, g.dir}, argv...)
}

func (g group) remove() { _ = os.Remove(g.dir) }
