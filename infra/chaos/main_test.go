package main

import (
	"runtime/debug"
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

var server *local.AWS

func TestMain(m *testing.M) {
	// The model allocates, and keeps next to nothing: with Go's own 100 a third of its time is collections.
	debug.SetGCPercent(1000)
	local.Main(m, &server)
}
