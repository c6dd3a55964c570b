package main_test

import (
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

func TestMain(m *testing.M) { local.Gate(m, local.Services, local.OpenTofu) }
