package alert

import (
	"fmt"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Scan makes the event of one or more backends that fail, or that were read again.
func (c Composer) Scan(t Type, severity Severity, backends []Backend, now time.Time) Event {
	e := c.event(t, severity, now)
	for _, b := range backends {
		// A backend's error begins with its ARN.
		b.Problem = Clean(strings.TrimPrefix(strings.TrimPrefix(b.Problem, b.ARN), ": "), 600)
		b.Since = b.Since.UTC()
		e.Backends = append(e.Backends, b)
	}
	e.Subject, e.Text = scanSubject(e), scanText(e)
	if t == ScanFailed {
		e.Links.Runbook = runbook("scan-errors")
		e.Steps = []string{
			"Repair what the error names: the runbook explains each one.",
			"Until it can be read again, its locks are not watched, and none of them is reported as resolved.",
		}
	}
	return e
}

// scanSubject names the backends, as many as fit.
func scanSubject(e Event) string {
	what := map[Type]string{ScanFailed: "scan failed, locks not watched", ScanRecovered: "scan recovered"}[e.Type]
	if e.Severity == Critical {
		what = "CRITICAL " + what
	}
	var names []string
	for _, b := range e.Backends {
		names = append(names, storeName(b.ARN))
	}
	return clippedSubject(what + ": " + strings.Join(names, ", "))
}

func scanText(e Event) string {
	if len(e.Backends) == 1 {
		b := e.Backends[0]
		name, since := Clean(b.ARN, 300), policy.Clock(b.Since)
		if e.Type == ScanRecovered {
			return fmt.Sprintf("Lockwarden can read %s again, after it had failed since %s.", name, since)
		}
		return fmt.Sprintf("Lockwarden cannot read %s (failing since %s), so its locks are not watched: %s", name, since, ended(b.Problem))
	}
	var names []string
	for _, b := range e.Backends[:min(len(e.Backends), 10)] {
		names = append(names, Clean(b.ARN, 150))
	}
	if more := len(e.Backends) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	if e.Type == ScanRecovered {
		return fmt.Sprintf("Lockwarden can read %d tables and buckets again: %s.", len(e.Backends), listed(names))
	}
	return fmt.Sprintf("Lockwarden cannot read %d tables and buckets, so their locks are not watched: %s.", len(e.Backends), listed(names))
}

// BackendLines list the backends of a scan event. The text of an event about one has said
// it all already.
func BackendLines(e Event) []string {
	if len(e.Backends) < 2 {
		return nil
	}
	var lines []string
	for _, b := range e.Backends {
		line := Clean(b.ARN, maxPath) + " (failing since " + policy.Clock(b.Since) + ")"
		if b.Problem != "" {
			line += ": " + Clean(b.Problem, 600)
		}
		lines = append(lines, line)
	}
	return lines
}
