package unlock

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// half is one holding of a lock and how it ended.
type half struct {
	ledger.Half
	now   *tflock.Holding // the lock that is there; of a changed half, where it could be read
	cause error           // of a kept or unknown half
}

type halves []half

// record returns the halves as they are recorded.
func (all halves) record() []ledger.Half {
	list := make([]ledger.Half, len(all))
	for i, h := range all {
		list[i] = h.Half
	}
	return list
}

// of are those that ended like that.
func (all halves) of(fate ledger.HalfFate) halves {
	return slices.DeleteFunc(slices.Clone(all), func(h half) bool { return h.Fate != fate })
}

// in reports whether one of them is in a store.
func (all halves) in(store string) bool {
	return slices.ContainsFunc(all, func(h half) bool { return h.Store == store })
}

// why joins the causes, for the record.
func (all halves) why() string {
	var words []string
	for _, h := range all {
		words = append(words, h.cause.Error())
	}
	return strings.Join(words, "; ")
}

func (all halves) causes() []error {
	var list []error
	for _, h := range all {
		list = append(list, h.cause)
	}
	return list
}

// winner is the ID of the lock that is there now, or empty.
func (all halves) winner() string {
	for _, h := range all {
		if h.now != nil && h.now.Err == nil {
			return h.now.Info.ID
		}
	}
	return ""
}

// halvesToRelease are the halves of a lock before any delete was sent.
func halvesToRelease(l tflock.Lock) []ledger.Half {
	list := make([]ledger.Half, len(l.Holdings))
	for i, h := range l.Holdings {
		list[i] = ledger.Half{Store: h.Store, Kind: h.Kind, Fate: ledger.HalfUnknown}
	}
	return list
}

// remove deletes every half on condition of the bytes that were judged: S3 first, then
// DynamoDB, as clients unlock, and both attempted. A row that goes with another one in a global table
// is left to DynamoDB. Before it waits for that it says what ended until then.
func (u *Unlocker) remove(ctx context.Context, l tflock.Lock, behind []string, ended func(halves)) halves {
	var all halves
	for _, kind := range []tflock.Kind{tflock.S3, tflock.DynamoDB} {
		for _, h := range l.Holdings {
			s := u.store(h.Store)
			switch {
			case h.Kind != kind || s == nil:
			case slices.Contains(behind, h.Store) || all.replicated(l, h):
				ended(all)
				all = append(all, u.follow(ctx, s, h))
			default:
				all = append(all, removeHalf(ctx, s, h, !slices.Contains(l.Kinds(), tflock.S3)))
			}
		}
	}
	return all
}

func (u *Unlocker) store(arn string) backend.Store {
	for _, s := range u.Stores.All() {
		if s.ARN() == arn {
			return s
		}
	}
	return nil
}

// removeHalf deletes a half. Of a row alone, what is there after a delete that AWS did not refuse may be what its client, which waited for it, has taken
// again with the same bytes: an attempt may have got no answer, and a throttle is that of the last one. Of an object S3's time shows that.
func removeHalf(ctx context.Context, s backend.Store, h tflock.Holding, alone bool) half {
	result := half{Half: ledger.Half{Store: h.Store, Kind: h.Kind}}
	err := s.Release(ctx, h)
	failed, isError := errors.AsType[*backend.Error](err)
	switch other, isOther := errors.AsType[*backend.ChangedError](err); {
	case err == nil:
		result.Fate = ledger.HalfRemoved
	case errors.Is(err, backend.ErrGone):
		// It was there a moment ago. The SDK repeats a delete whose answer is lost, so
		// it may be ours, or its holder ended just now.
		result.Fate = ledger.HalfGone
	case isOther:
		result.Fate, result.now = ledger.HalfChanged, other.Now
	case isError && !failed.Refused():
		result.cause = err
		if result.Fate, result.now = lookAt(ctx, s, h); alone && result.Fate == ledger.HalfKept {
			result.Fate = ledger.HalfUnknown
		}
	default:
		result.Fate, result.cause = ledger.HalfKept, err
	}
	return result
}

// lookAt finds out how a half ended whose delete failed: its effect may have come all
// the same.
func lookAt(ctx context.Context, s backend.Store, h tflock.Holding) (ledger.HalfFate, *tflock.Holding) {
	now, there, err := s.Find(ctx, h.Path)
	switch {
	case err != nil:
		return ledger.HalfUnknown, nil
	case !there:
		return ledger.HalfGone, nil
	case now.Raw == h.Raw && now.ETag == h.ETag:
		return ledger.HalfKept, nil
	case now.Err != nil && now.Raw == "": // it cannot be read any more
		return ledger.HalfUnknown, nil
	default:
		return ledger.HalfChanged, &now
	}
}

// endOf looks how a half of an earlier release ended, by what its store has now.
func (u *Unlocker) endOf(ctx context.Context, store string, one ledger.Recorded) (ledger.HalfFate, string, error) {
	s := u.store(store)
	if s == nil {
		s = u.unsearched(store)
	}
	switch {
	case s == nil && u.isUnwatched(store):
		return ledger.HalfUnknown, ledger.NotWatched(store), nil
	case s == nil: // it went with its store
		return ledger.HalfGone, "", nil
	}
	h, there, err := s.Find(ctx, one.Key.Path)
	switch {
	case err != nil && !one.Waits(u.Now()):
		return ledger.HalfUnknown, store + " could not be read since", nil
	case err != nil:
		return "", "", err
	case !there:
		return ledger.HalfGone, "", nil
	case h.Err != nil && h.Raw == "" && backend.MayBeReadLater(h) && one.Waits(u.Now()):
		return "", "", nil
	case h.Err != nil && h.Raw == "":
		return ledger.HalfUnknown, ledger.NotReadable(store, h.Err), nil
	case slices.ContainsFunc(one.Release.Held, func(b ledger.Bytes) bool { return b.Is(h.Raw) }):
		return ledger.HalfKept, "", nil
	default:
		return ledger.HalfGone, "", nil
	}
}

// unsearched returns what stands for a pattern that could not be searched now and matches a
// store: nil where there is none.
func (u *Unlocker) unsearched(store string) backend.Store {
	for _, s := range u.Stores.All() {
		if backend.Covers(s.ARN(), store) {
			return s
		}
	}
	return nil
}
