package scan_test

import (
	"slices"

	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// victim is a lock of another team than the one that floods.
const victim = `{"ID":"78007e4f-7284-5b8c-b34c-620445a03e9c","Operation":"OperationTypeApply","Who":"me@host"}`

// sees reports whether a scan saw the lock on a path.
func sees(found *scan.Scan, path tflock.Path) bool {
	return slices.ContainsFunc(found.On(path), tflock.Lock.Readable)
}
