package report

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// witnesses are S3's own events of lock objects.
type witnesses interface {
	Find(ctx context.Context, objects ...ledger.Object) (map[ledger.Object]ledger.Witnessed, error)
	Removal(ctx context.Context, record ledger.Witnessed) (policy.Removal, bool, error)
}

// maxWitnessed bounds the ended locks of a week of which the remover is looked up: each
// takes a query of its own. How the others ended is not known.
const maxWitnessed = 1000

// removed is who took a lock and who removed it, as S3's events say.
type removed struct {
	taken policy.Witness
	by    policy.Removal
}

// removals looks up who removed the objects of locks that have ended. What is not known is
// left out: the events only add evidence, and the report is the same without them.
func (r *Reporter) removals(ctx context.Context, ended []ledger.Past) map[ledger.Object]removed {
	known := map[ledger.Object]removed{}
	var objects []ledger.Object
	for _, p := range ended {
		objects = append(objects, objectOf(p))
	}
	if r.Witnesses == nil || len(objects) == 0 {
		return known
	}
	created, err := r.Witnesses.Find(ctx, objects...)
	if err != nil {
		r.Log.WarnContext(ctx, "who took some locks is not known", "error", err)
	}
	for object, record := range created {
		removal, seen, err := r.Witnesses.Removal(ctx, record)
		if err != nil {
			r.Log.WarnContext(ctx, "who removed some locks is not known", "error", err)
			break
		}
		if seen {
			known[object] = removed{*record.Witness(), removal}
		}
	}
	return known
}

func objectOf(p ledger.Past) ledger.Object {
	return ledger.Object{Path: p.Path, ETag: strings.Trim(p.ETag, `"`)}
}

// Those who removed a lock that was not released through us, without a name.
var (
	byHolder  = releaser{string(alert.ByHolder), alert.ByHolder}
	byUnknown = releaser{string(alert.ByUnknown), alert.ByUnknown}
)

// unsureTime is how long after an unlock whose outcome is not known its delete may still
// have taken effect: longer than that function runs.
const unsureTime = 15 * time.Minute

// remover is who removed a stuck lock. The session of the one run or person that took it is
// its holder; another one used force-unlock, or deleted the object, unless a release of ours
// was under way. Without both events it is not known, nor where they do not tell.
func remover(p ledger.Past, event removed, known bool, ours ledger.Release) releaser {
	switch {
	case !known, event.by.Principal == "", event.taken.Principal == "":
		return byUnknown
	case !p.EndedAt(event.by.RemovedAt):
		return byUnknown // the event is not of the lock's end
	case event.by.Principal == event.taken.Principal && namesOne(event.by.Session):
		return byHolder
	case event.by.Principal == event.taken.Principal:
		return byUnknown // many runs share that name
	case sameRole(event.by.Principal, event.taken.Principal) && (unnamed(event.by.Session) || unnamed(event.taken.Session)):
		return byUnknown // the same run, if its credentials were renewed meanwhile
	case !ours.At.IsZero() && event.by.RemovedAt.Sub(ours.At).Abs() < unsureTime:
		return through(ours)
	}
	return releaser{cleanName(cmp.Or(event.by.Session, event.by.Principal)), alert.BySomebodyElse}
}

// through is who asked for a release through us.
func through(r ledger.Release) releaser {
	if r.RequestedBy == policy.AutoRequester {
		return releaser{policy.AutoRequester, alert.Automatically}
	}
	return releaser{cleanName(r.RequestedBy), alert.ByLockwarden}
}

// certain reports whether a half of the lock went through us for certain.
func certain(r ledger.Release) bool { return r.Any(ledger.HalfRemoved) }
