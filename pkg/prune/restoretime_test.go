package prune_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Whoever may write one prefix of a shared table can fill it with gigabytes of rows, and a restore looks through all of
// them for other names of the state, twice. Whatever time that takes, and whatever hangs, a restore does not end
// with the state locked. It says what it does not know, and once the rows are gone it restores.
func TestARestoreBesideATableFullOfRowsLeavesNoLock(t *testing.T) {
	t.Parallel()
	always := func(megabytes int) func(bool) int { return func(bool) int { return megabytes } }
	for name, tc := range map[string]struct {
		megabytes func(locked bool) int
		hangs     bool // S3, once the state is locked
		outcome   prune.Outcome
		says      string
	}{
		"they are read to their end, twice":         {always(2000), false, prune.Restored, "is back"},
		"they are not read to their end":            {always(3000), false, prune.Refused, "not read to their end in 2m0s"},
		"they come when the restore holds its lock": {func(locked bool) int { return map[bool]int{true: 9000}[locked] }, false, prune.Refused, "not read to their end in 10s"},
		"S3 hangs once the state is locked":         {always(0), true, "", "Repeat it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newPruned(t)
				w.megabytes, w.hangs = tc.megabytes, tc.hangs
				a, err := w.restore("first")
				if a.Outcome != tc.outcome || (err != nil) != tc.hangs || !strings.Contains(a.Message+fmt.Sprint(err), tc.says) {
					t.Errorf("%+v, %v", a, err)
				}
				w.megabytes, w.hangs = always(0), false
				if a, err := w.restore("repeat"); err != nil || (a.Outcome != prune.Restored) != (tc.outcome == prune.Restored) {
					t.Errorf("its repeat: %+v, %v", a, err)
				}
			})
		})
	}
}

// pruned is a state that was deleted, whose lock table another team fills.
type pruned struct {
	*testing.T
	stores backend.Set
	pruner *prune.Pruner

	megabytes func(locked bool) int // of that team's rows
	hangs     bool
}

func newPruned(t *testing.T) *pruned {
	t.Helper()
	w := &pruned{T: t}
	plain := inprocess.New(time.Now, time.Hour).Config()
	for name, keys := range map[string][]string{"locks": {"LockID"}, "ledger": {"kind", "id"}} {
		if _, err := contract.MakeTable(t.Context(), plain, name, keys...); err != nil {
			t.Fatal(err)
		}
	}
	open := func(cfg aws.Config) backend.Set {
		set, err := backend.Open(cfg, []string{"arn:aws:dynamodb:" + local.Region + ":123456789012:table/locks"}, []string{"arn:aws:s3:::states"})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	inside := plain.HTTPClient.(inprocess.Calls) //nolint:errcheck,forcetypeassert // it is what Config gives
	cfg := inprocess.Crowded(inprocess.ConfigOf(func(ctx context.Context, operation string, input any) (any, error) {
		if w.hangs && operation == "ListObjectVersions" && w.locked() {
			<-ctx.Done()
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return inside(ctx, operation, input)
	}), func() int { return w.megabytes(w.locked()) })
	w.stores = open(plain)
	w.pruner = &prune.Pruner{Stores: open(cfg), Records: ledger.NewPrunes(dynamodb.NewFromConfig(cfg), "ledger"), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	states, bucket, name := s3.NewFromConfig(plain), "states", key
	if _, err := states.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &name, Body: bytes.NewReader(local.State(t, "destroyed"))}); err != nil {
		t.Fatal(err)
	}
	if _, err := states.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &name}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *pruned) locked() bool {
	for _, store := range w.stores.All() {
		if _, found, err := store.Find(context.Background(), tflock.NewPath("states", key)); err != nil || found {
			return true
		}
	}
	return false
}

// restore restores in an invocation of the function, and fails the test where Lambda would have ended it.
func (w *pruned) restore(id string) (prune.Answer, error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 900*time.Second) // as the template has it
	defer cancel()
	a, err := w.pruner.Restore(ctx, tflock.NewPath("states", key), id)
	if ctx.Err() != nil || w.locked() {
		w.Errorf("locked %v, with %v", w.locked(), ctx.Err())
	}
	return a, err
}
