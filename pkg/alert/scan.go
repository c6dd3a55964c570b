package alert

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Scan makes the event of one or more stores that fail, that are absent, or that were
// read again.
func (c Composer) Scan(t Type, severity Severity, stores []Store, now time.Time) Event {
	e := c.event(t, severity, now)
	for _, b := range stores {
		// A store's error begins with its ARN.
		b.Problem = Clean(strings.TrimPrefix(strings.TrimPrefix(b.Problem, b.ARN), ": "), 600)
		if !b.Since.IsZero() {
			b.Since = b.Since.UTC()
		}
		e.Stores = append(e.Stores, b)
	}
	e.Subject, e.Text = scanSubject(e), scanText(e)
	if t == ScanFailed {
		e.Links.Runbook = runbook("scan-errors")
		e.Steps = scanSteps[e.Absence()]
		if e.Unsafe() {
			e.Steps = unsafeSteps
		}
		if crowded(e) {
			e.Steps = crowdedSteps
		}
		if withheld(e) {
			e.Steps = withheldSteps
		}
	}
	return e
}

var unsafeSteps = []string{
	"Lock these states in a store that honours conditional requests: a DynamoDB table, S3, or another S3-compatible store. `lockwarden probe BUCKET` shows what holds in one.",
	"Until then, let one run at a time work on a state. Stuck locks are reported all the same; prune deletes nothing there.",
}

// strangePrefix goes with advice to look at, or delete, what is under a prefix: whoever writes there chooses the names of its folders.
const strangePrefix = "Never put a prefix with quotation marks or other shell characters into a command."

var crowdedSteps = []string{
	"Find out who writes under that prefix (CloudTrail's data events show it), and stop it: no team holds that many locks. " + strangePrefix,
	"Delete only rows of a lock table and .tflock objects that no client wrote, and never a state. Until then look for stuck locks under that prefix yourself: locks elsewhere are reported as usual.",
}

var withheldSteps = []string{
	"Find the lock object under that prefix that S3 does not give (`aws s3api get-object` shows the error), and the KMS key that it is encrypted with: the store of an external key may not answer. " + strangePrefix,
	"Ask its owner to delete the object when no run holds that lock. Until then look for stuck locks under that prefix yourself: locks elsewhere are reported as usual.",
}

// withheld reports whether every store of a failed scan was read but for a prefix with a lock object that S3 fails to give.
func withheld(e Event) bool {
	return crowded(e) && !slices.ContainsFunc(e.Stores, func(s Store) bool { return !s.Withheld })
}

// crowded reports whether every store of a failed scan was read but for a part.
func crowded(e Event) bool {
	return e.Type == ScanFailed && len(e.Stores) > 0 && !slices.ContainsFunc(e.Stores, func(s Store) bool { return !s.Crowded })
}

var scanSteps = map[Absence][]string{
	"": {
		"Fix what the error names: the runbook explains each one.",
		"Until then, look for stuck locks there yourself: none of them is reported as stuck or as resolved.",
	},
	Deleted: {
		"Nothing, if somebody deleted it on purpose.",
		"If not, stop the runs that use it: the locks in it are gone with it, and no longer block anyone.",
	},
	Unmatched: {"Check the name in WatchTableArns or WatchBucketArns. If it is right, there is nothing to do."},
}

// scanSubject names the stores, as many as fit.
func scanSubject(e Event) string {
	what := map[Type]string{ScanFailed: "scan failed, locks not watched", ScanRecovered: "scan recovered"}[e.Type]
	switch e.Absence() {
	case Deleted:
		what = "no longer exists"
	case Unmatched:
		what = "nothing to watch yet"
	}
	if e.Unsafe() {
		what = "locks are not safe"
	}
	if crowded(e) {
		what = "too many locks to read them all"
		if withheld(e) {
			what = "a lock cannot be read"
		}
	}
	if e.Severity == Critical {
		what = "CRITICAL " + what
	}
	var names []string
	for _, b := range e.Stores {
		names = append(names, storeName(b.ARN))
	}
	return clippedSubject(what + ": " + strings.Join(names, ", "))
}

func scanText(e Event) string {
	if e.Unsafe() {
		return unsafeText(e)
	}
	if absence := e.Absence(); absence != "" {
		return absenceText(absence, storeNames(e))
	}
	if len(e.Stores) == 1 {
		b := e.Stores[0]
		failed := ""
		if e.Time.Sub(b.Since) >= time.Minute {
			failed = " for " + policy.Words(e.Time.Sub(b.Since))
		}
		if e.Type == ScanRecovered {
			if failed != "" {
				failed = "; reading failed" + failed
			}
			return fmt.Sprintf("Lockwarden can read %s again, so its locks are watched%s.", storeName(b.ARN), failed)
		}
		if crowded(e) {
			return fmt.Sprintf("Lockwarden has not been able to read all locks in %s%s: %s", storeName(b.ARN), failed, withFullStop(b.Problem))
		}
		return fmt.Sprintf("Lockwarden has failed to read %s%s, so its locks are not watched. Cause: %s", storeName(b.ARN), failed, withFullStop(b.Problem))
	}
	if e.Type == ScanRecovered {
		return fmt.Sprintf("Lockwarden can read %d tables and buckets again: %s.", len(e.Stores), storeNames(e))
	}
	return fmt.Sprintf("Lockwarden cannot read %d tables and buckets, so their locks are not watched: %s.", len(e.Stores), storeNames(e))
}

// storeNames lists the first ten stores, and counts the others.
func storeNames(e Event) string {
	var names []string
	for _, b := range e.Stores[:min(len(e.Stores), 10)] {
		names = append(names, storeName(b.ARN))
	}
	if more := len(e.Stores) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return listed(names)
}

func unsafeText(e Event) string {
	if len(e.Stores) == 1 {
		return fmt.Sprintf("Locks in %s cannot be relied on: %s", storeName(e.Stores[0].ARN), withFullStop(e.Stores[0].Problem))
	}
	return fmt.Sprintf("Locks in %d tables and buckets cannot be relied on: %s.", len(e.Stores), storeNames(e))
}

func absenceText(absence Absence, names string) string {
	if absence == Unmatched {
		return fmt.Sprintf("Nothing matches %s yet; what matches later is watched from then on.", names)
	}
	return fmt.Sprintf("A table or bucket that a pattern covered no longer exists: %s.", names)
}

// StoreLines list the stores of a scan event by their ARNs. The text of an event
// about one has its problem already.
func StoreLines(e Event) []string {
	var lines []string
	failing := "failing since "
	if e.Type == ScanRecovered {
		failing = "had been failing since "
	}
	for _, b := range e.Stores {
		line := Clean(b.ARN, maxPath)
		switch {
		case b.Unsafe:
		case b.Absent == Deleted:
			line += " (last read " + policy.Clock(b.Since) + ")"
		case b.Absent == "":
			line += " (" + failing + policy.Clock(b.Since) + ")"
		}
		if b.Absent == "" && b.Problem != "" && len(e.Stores) > 1 {
			line += ": " + Clean(b.Problem, 600)
		}
		lines = append(lines, line)
	}
	return lines
}
