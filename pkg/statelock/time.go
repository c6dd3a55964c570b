package statelock

import (
	"context"
	"fmt"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const (
	// ReleaseTime bounds how long a release is tried, even when the run was cancelled.
	ReleaseTime = 20 * time.Second
	// reserve is kept of an invocation's time: to find out whether a lock was taken, to release it,
	// and to record and notify.
	reserve = 2*ReleaseTime + 5*time.Second
	// lookTime bounds how long the tables are read for other names of one state. Clients have two rows for a
	// state there, which are read within seconds: what takes longer is somebody's junk.
	lookTime = 2 * time.Minute
	// extraTime is how much longer the second reading may take, during which somebody waits for our lock.
	extraTime = 10 * time.Second
)

// InTime ends the work of an invocation in time before its deadline. Lambda kills what is still working
// then, with the state locked by us. Release and what comes after it have the invocation's own context.
func InTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(reserve, time.Until(deadline)/3)))
}

// OutOfTime says of an error that the work had no time left, where that is so.
func OutOfTime(work context.Context, err error) error {
	if err == nil || work.Err() == nil {
		return err
	}
	return fmt.Errorf("the time of this invocation was over before its end, so it stopped. Repeat it, and it goes on: %w", err)
}

// UnreadError says that the lock tables were not read to their end in the time that there was.
type UnreadError struct {
	In  time.Duration
	Err error
}

func (e *UnreadError) Error() string {
	return fmt.Sprintf("the lock tables were not read to their end in %v, so that it is not known whether a client holds a lock on this state under another name (%v). "+
		"Clients have two rows for a state: where a table has gigabytes, find out who fills it, remove those rows, and repeat this", e.In.Round(time.Second), e.Err)
}

func (e *UnreadError) Unwrap() error { return e.Err }

// ForState makes the locker of an invocation for one state. It reads the tables whole for the state's
// other names, within at most half of the time that the work has, since that is done again under the
// lock. It fails with *UnreadError where that is not enough.
func ForState(ctx, work context.Context, stores backend.Set, path tflock.Path, requestID string, now func() time.Time) (*Locker, error) {
	limit := lookTime
	if end, bounded := work.Deadline(); bounded {
		limit = min(limit, time.Until(end)/2)
	}
	began := time.Now()
	aliases, err := aliasesWithin(work, limit, stores.Tables, path)
	if err != nil {
		return nil, err
	}
	l := New(ctx, stores, aliases, requestID, now(), now)
	l.looked = time.Since(began)
	return l, nil
}

// aliasesWithin returns the other names that the tables have for one state.
func aliasesWithin(ctx context.Context, limit time.Duration, tables []*backend.Table, path tflock.Path) (all backend.Aliases, err error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, t := range tables {
		found, err := t.AliasesOf(ctx, path)
		if err != nil && ctx.Err() != nil {
			return backend.Aliases{}, &UnreadError{time.Since(began), err}
		}
		if err != nil {
			return backend.Aliases{}, err
		}
		all.Add(found)
	}
	return all, nil
}
