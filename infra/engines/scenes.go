package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// scene is one that people live through, with the built functions and, where it says so, a
// real client.
type scene struct {
	name string
	play func(ctx context.Context, s *stage) error
}

// on plays it on a stage of its own.
func (s scene) on(ctx context.Context, a *local.AWS, dir string, rows int) error {
	stage, err := newStage(ctx, a, dir, rows)
	if err != nil {
		return err
	}
	return s.play(ctx, stage)
}

// scenes are all of them, with the deaths of each of these clients.
func scenes(clients ...local.Client) []scene {
	var all []scene
	for _, c := range clients {
		all = append(all, deaths(c)...)
	}
	return append(all, []scene{
		{"a lock that changes in the table as it is released survives", swapped(func(s *stage) backend.Store { return s.set.Tables[0] })},
		{"a .tflock that changes as it is released survives", swapped(func(s *stage) backend.Store { return s.set.Buckets[0] })},
		{"a young lock, and one whose state was just written, is refused", live},
		{"locks on keys with + % space and Unicode are seen and released", oddKeys(contract.OddKeys...)},
		{"locks on keys with // are seen and released", oddKeys("a//b/terraform.tfstate")},
		{"locks in tables of two regions are seen and released", twoRegions},
		{"the empty state of a branch is pruned, and the next plan works", pruned},
		{"two prunes at once prune each state once, and leave no lock", twoPrunes},
		{"a pruned state is restored", restored},
		{"locks are found in a table with very many rows", crowded},
	}...)
}

// The names of a client's deaths, after its own.
const (
	diesByTable = " dies under its lock in the table: one alert, released by text and by ID"
	diesByFile  = " dies under its .tflock: one alert, released by text and by ID"
	diesByBoth  = " dies under both: one alert, released by text and by ID"
)

func deaths(c local.Client) []scene {
	return []scene{
		{c.Name + diesByTable, deadClient(c, local.ByTable, tflock.DynamoDB)},
		{c.Name + diesByFile, deadClient(c, local.ByFile, tflock.S3)},
		{c.Name + diesByBoth, deadClient(c, local.ByBoth, tflock.DynamoDB, tflock.S3)},
	}
}

// deadClient has a real client die of kill -9 twice, and its locks released.
func deadClient(c local.Client, mode local.Mode, holdings ...tflock.Kind) func(ctx context.Context, s *stage) error {
	return func(ctx context.Context, s *stage) error {
		const key = "network/production/terraform.tfstate"
		w, err := s.aws.Workspace(ctx, c, s.dir, s.Bucket, s.Table, key, mode)
		if err != nil {
			return err
		}
		for _, byText := range []bool{true, false} {
			text, id, err := s.die(ctx, w, key, mode, holdings)
			if err != nil {
				return err
			}
			if byText {
				id = text
			}
			if err := s.releasedAndReported(ctx, id); err != nil {
				return err
			}
		}
		_, err = w.Run(ctx, "plan")
		return err
	}
}

// releasedAndReported releases a lock by its ID or by a client's text, and wants both messages.
func (s *stage) releasedAndReported(ctx context.Context, text string) error {
	if _, err := s.release(ctx, unlock.Request{LockID: text}, unlock.Released, nil); err != nil {
		return err
	}
	if _, err := s.scan(ctx); err != nil {
		return err
	}
	wanted := []alert.Type{alert.LockReleased, alert.LockResolved}
	events, err := s.events(ctx, wanted...)
	if err != nil {
		return err
	}
	for _, want := range wanted {
		if _, err := heard(events, want); err != nil {
			return err
		}
	}
	return nil
}

// die has the client die, lets the next one print that it is locked out, and returns that text
// and the lock's ID, of which two scans have notified once.
func (s *stage) die(ctx context.Context, w *local.Workspace, key string, mode local.Mode, holdings []tflock.Kind) (text, id string, err error) {
	run, err := w.Hold(ctx, local.TenMinutes, local.Held(ctx, s.set, s.Path(key), mode))
	if err != nil {
		return "", "", err
	}
	if err := run.Kill(); err != nil {
		return "", "", err
	}
	if text, err = w.Run(ctx, "plan"); err == nil {
		return "", "", errHolds
	}
	for range 2 {
		report, err := s.scan(ctx)
		if err != nil {
			return "", "", err
		}
		if report.Stuck != 1 || report.Held != 1 {
			return "", "", fmt.Errorf("the scan sees %d locks, %d of them stuck, and not one", report.Held, report.Stuck)
		}
	}
	events, err := s.events(ctx, alert.LockStuck)
	if err != nil {
		return "", "", err
	}
	e, err := heard(events, alert.LockStuck)
	if err != nil {
		return "", "", err
	}
	if e.Lock == nil || e.Lock.Path != string(s.Path(key)) || !slices.Equal(e.Lock.Holdings, holdings) {
		return "", "", fmt.Errorf("the alert is of another lock: %+v", e.Lock)
	}
	return text, e.Lock.ID, nil
}

// live are locks that may be used.
func live(ctx context.Context, s *stage) error {
	const young, writing = "young/terraform.tfstate", "a+b/100%/terraform.tfstate"
	if err := s.take(ctx, writing, "writing"); err != nil {
		return err
	}
	if _, err := s.scan(ctx); err != nil { // a row has no other proof of its age
		return err
	}
	time.Sleep(guard + time.Second)
	if err := s.put(ctx, writing, "{}"); err != nil {
		return err
	}
	if err := s.releasedByForceAlone(ctx, writing, "writing", "the state was written"); err != nil {
		return err
	}
	if err := s.take(ctx, young, "young"); err != nil {
		return err
	}
	if err := s.releasedByForceAlone(ctx, young, "young", "the lock is only"); err != nil {
		return err
	}
	return s.free(ctx)
}

// guard is the RELEASE_GUARD of scenes with locks that may be used: longer than one release takes
// on a busy machine.
const guard = 10 * time.Second

// releasedByForceAlone wants a lock's release refused with these words, and done with force.
func (s *stage) releasedByForceAlone(ctx context.Context, key, id, says string) error {
	request, guarded := unlock.Request{LockID: id, Path: string(s.Path(key))}, map[string]string{"RELEASE_GUARD": guard.String()}
	a, err := s.release(ctx, request, unlock.Refused, guarded)
	if err != nil {
		return err
	}
	if !strings.Contains(a.Message, says) {
		return fmt.Errorf("the refusal of %s does not say %q: %s", id, says, a.Message)
	}
	for _, store := range s.set.All() {
		if err := s.holds(ctx, store, key, id); err != nil {
			return err
		}
	}
	request.Force = true
	_, err = s.release(ctx, request, unlock.Released, guarded)
	return err
}

// oddKeys has a lock on each of these keys, in the table and in the bucket.
func oddKeys(keys ...string) func(ctx context.Context, s *stage) error {
	return func(ctx context.Context, s *stage) error {
		for i, key := range keys {
			if err := s.take(ctx, key, fmt.Sprintf("lock-%d", i)); err != nil {
				return fmt.Errorf("%q: %w", key, err)
			}
		}
		if err := s.seesBothHalves(ctx, keys); err != nil {
			return err
		}
		for i, key := range keys {
			if _, err := s.release(ctx, unlock.Request{LockID: fmt.Sprintf("lock-%d", i), Path: string(s.Path(key))}, unlock.Released, nil); err != nil {
				return fmt.Errorf("%q: %w", key, err)
			}
		}
		return s.free(ctx)
	}
}

// seesBothHalves wants a scan that sees a lock on each of these keys and no other, each in the
// table and in the bucket.
func (s *stage) seesBothHalves(ctx context.Context, keys []string) error {
	report, err := s.scan(ctx)
	if err != nil {
		return err
	}
	for i, key := range keys {
		if !slices.ContainsFunc(report.Locks, func(l policy.Description) bool {
			return l.ID == fmt.Sprintf("lock-%d", i) && l.Path == string(s.Path(key)) && len(l.Holdings) == 2
		}) {
			return fmt.Errorf("the scan does not see the two halves of the lock on %q: %d locks, %+v", key, report.Held, report.Locks)
		}
	}
	if report.Held != len(keys) {
		return fmt.Errorf("the scan sees %d locks, and not %d", report.Held, len(keys))
	}
	return nil
}

// twoRegions has a lock in the table, and one in a table of the same name in another region.
// A store without regions has one table for both.
func twoRegions(ctx context.Context, s *stage) error {
	abroad := s.aws.In("eu-west-1")
	arn, err := abroad.MakeTable(ctx, s.Table, "LockID")
	if err != nil {
		return err
	}
	set, err := backend.Open(abroad.Config(), []string{arn}, nil)
	if err != nil {
		return err
	}
	tables := map[string]*backend.Table{"near": s.set.Tables[0], "far": set.Tables[0]}
	for id, table := range tables {
		if err := local.TakeLock(ctx, s.Path(id+"/terraform.tfstate"), id, table); err != nil {
			return err
		}
	}
	s.env["TABLE_ARNS"] += "," + arn
	report, err := s.scan(ctx)
	if err != nil {
		return err
	}
	if report.Held != len(tables) {
		return fmt.Errorf("the scan sees %d locks, and not %d", report.Held, len(tables))
	}
	for id, table := range tables {
		if _, err := s.release(ctx, unlock.Request{LockID: id, Path: string(s.Path(id + "/terraform.tfstate"))}, unlock.Released, nil); err != nil {
			return err
		}
		if _, found, err := table.Find(ctx, s.Path(id+"/terraform.tfstate")); err != nil || found {
			return fmt.Errorf("lock %s is still there: %v, %w", id, found, err)
		}
	}
	return nil
}
