package alert

import (
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

func weekSubject(w Week) string {
	text := "week to " + day(w.To) + ": "
	switch {
	case w.Locks.Taken == nil:
		text += "no scan, so nothing is known of its locks"
	case stuck(w) == 0 && w.Locks.StuckNow > 0:
		text += fmt.Sprintf("%s, %d stuck since before it", count(*w.Locks.Taken, "new lock", "new locks"), w.Locks.StuckNow)
	case stuck(w) == 0 && w.Locks.StuckUnread > 0:
		text += fmt.Sprintf("%s, %d stuck when last seen", count(*w.Locks.Taken, "new lock", "new locks"), w.Locks.StuckUnread)
	case *w.Locks.Taken == 0 && stuck(w) == 0:
		text += "no locks"
	case stuck(w) == 0:
		text += count(*w.Locks.Taken, "lock", "locks") + ", none stuck"
	case stuck(w) > *w.Locks.Taken: // some of them were taken before
		text += fmt.Sprintf("%s, %d became stuck", count(*w.Locks.Taken, "new lock", "new locks"), stuck(w))
	default:
		text += fmt.Sprintf("%s, %d stuck", count(*w.Locks.Taken, "lock", "locks"), stuck(w))
		if r := w.TimeToResolve; r != nil {
			text += ", gone after " + seconds(r.MedianSeconds) + " (median)"
		}
	}
	return clippedSubject(text)
}

// weekText is the week in words; its first sentence says whether it was good.
func weekText(w Week) string {
	text := ""
	switch {
	case w.Locks.Taken == nil:
		return fmt.Sprintf("Nothing is known of the locks of the week to %s: the monitor recorded no scan in it.", day(w.To))
	case stuck(w) == 0 && w.Locks.StuckNow > 0:
		text = fmt.Sprintf("No lock became stuck in the week to %s, but %s stuck since before it; %s taken.", day(w.To), count(w.Locks.StuckNow, "is", "are"), count(*w.Locks.Taken, "was", "were"))
	case stuck(w) == 0 && w.Locks.StuckUnread > 0:
		text = fmt.Sprintf("No lock became stuck in the week to %s as far as the monitor could read, but %s; %s taken.", day(w.To), stuckUnread(w.Locks.StuckUnread), count(*w.Locks.Taken, "was", "were"))
	case *w.Locks.Taken == 0 && stuck(w) == 0:
		text = fmt.Sprintf("No lock was seen in the week to %s. Locks that are held for less than the time between two scans are mostly not seen.", day(w.To))
	case stuck(w) == 0:
		text = fmt.Sprintf("No lock was stuck in the week to %s; %s taken.", day(w.To), count(*w.Locks.Taken, "was", "were"))
	case stuck(w) > *w.Locks.Taken: // some of them were taken before
		text = fmt.Sprintf("%s stuck in the week to %s, and %s taken", count(stuck(w), "lock became", "locks became"), day(w.To), count(*w.Locks.Taken, "was", "were")) + trend(w) + "." + resolveText(w)
	default:
		text = fmt.Sprintf("%d of %s stuck in the week to %s", stuck(w), count(*w.Locks.Taken, "lock was", "locks were"), day(w.To)) + trend(w) + "." + resolveText(w)
	}
	if w.UnwatchedSeconds > 0 {
		text += fmt.Sprintf(" The monitor did not run, or could read nothing, for %s of it, so what happened then is missing.", seconds(w.UnwatchedSeconds))
	}
	switch {
	case w.WatchedSince != nil:
		text += fmt.Sprintf(" This is the first report on these tables and buckets, which have been watched since %s.", policy.Clock(*w.WatchedSince))
	case w.WeekBefore == nil:
		text += " There is no comparison with the week before, since not everything was watched in both weeks."
	}
	return text
}

// trend compares the week with the one before.
func trend(w Week) string {
	b := w.WeekBefore
	switch {
	case b == nil || b.Stuck == nil:
		return ""
	case stuck(w) < *b.Stuck:
		return fmt.Sprintf(", fewer than the %d of the week before", *b.Stuck)
	case stuck(w) > *b.Stuck:
		return fmt.Sprintf(", more than the %d of the week before", *b.Stuck)
	default:
		return ", as many as in the week before"
	}
}

// resolveText says how long the stuck locks were held that ended.
func resolveText(w Week) string {
	if w.TimeToResolve == nil {
		return ""
	}
	text := " Half of those that are gone had been held for " + seconds(w.TimeToResolve.MedianSeconds) + " or less"
	if b := w.WeekBefore; b != nil && b.TimeToResolve != nil {
		text += " (the week before: " + seconds(b.TimeToResolve.MedianSeconds) + ")"
	}
	return text + "."
}
