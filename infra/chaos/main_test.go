package main

import (
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

var server *local.AWS

func TestMain(m *testing.M) {
	local.Main(m, &server)
}
