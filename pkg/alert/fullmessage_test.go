//go:build !race

// What takes its time by volume is here: the race detector takes ten times as long, and finds
// nothing more in it. `make test` runs it without.

package alert_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/infra/samples"
	"github.com/lockwarden/lockwarden/pkg/alert"
)

// What was left out is counted in the room that there is: a list that fills it to the last
// byte is not cut again by who reads it.
func TestAListThatFillsTheMessageToItsLastByteIsCutOnce(t *testing.T) {
	findings := samples.Findings()
	for range 200 {
		findings = append(findings, findings[0])
	}
	for more := range 84 { // a finding takes more and a count more than a step, so that one of these leaves less than a count takes
		all := slices.Clone(findings)
		all[1].Text += strings.Repeat("x", 12*more)
		mustSurviveJSON(t, composer.StateFindings(alert.StateFinding, all, now))
	}
}
