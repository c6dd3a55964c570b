package alert_test

import (
	"testing"

	"github.com/lockwarden/lockwarden/infra/local"
)

// localAWS starts an AWS for one test. Most tests here need none.
func localAWS(t *testing.T) *local.AWS {
	t.Helper()
	return local.StartForTest(t)
}
