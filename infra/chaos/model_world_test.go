package main

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend/contract"
)

// makeModelWorld has an empty state on every key. It is made once, in an AWS of its own
// that ends with the process: setting it back undoes everything there.
func makeModelWorld(t *testing.T) *world {
	t.Helper()
	w, err := modelWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var modelWorld = sync.OnceValues(func() (*world, error) {
	own, err := local.Start()
	if err != nil {
		return nil, err
	}
	w := &world{aws: own, stuckAfter: 30 * time.Minute}
	if w.Place, err = own.MakePlace(context.Background(), "model"); err != nil {
		return nil, err
	}
	// What was written within the guard would be reason enough to refuse any release.
	return w, errors.Join(w.putModelStates(own.Config()), own.Age(w.Bucket, "", time.Hour), own.Save())
})

// putModelStates puts an empty state on every key, over one that was not empty.
func (w *world) putModelStates(cfg aws.Config) error {
	var errs []error
	for _, key := range modelKeys {
		for _, text := range []string{olderText(key), stateText(1, "first of "+key, false)} {
			errs = append(errs, w.putStateBy(context.Background(), cfg, key, text, key != modelKeys[1]))
		}
	}
	return errors.Join(errs...)
}

// olderText is the version before, which somebody may restore.
func olderText(key string) string { return stateText(0, "first of "+key, true) }

// engineWorld is the same in an AWS in this process.
func engineWorld(t *testing.T) *world {
	t.Helper()
	w := &world{stuckAfter: 30 * time.Minute, Place: local.Place{
		Bucket: "model", BucketARN: "arn:aws:s3:::model", Table: "model", TableARN: "arn:aws:dynamodb:" + local.Region + ":123456789012:table/model", Ledger: "model-ledger", Topic: "topic",
	}}
	w.engine = inprocess.New(w.now, lag)
	cfg := w.engine.Config()
	for name, keys := range map[string][]string{w.Table: {"LockID"}, w.Ledger: {"kind", "id"}} {
		if _, err := contract.MakeTable(t.Context(), cfg, name, keys...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.putModelStates(cfg); err != nil {
		t.Fatal(err)
	}
	w.engine.Age(time.Hour)
	w.engine.Save()
	return w
}
