package local

import (
	"context"
	"time"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Place is a backend with a ledger and a topic, for tests that need no stack.
type Place struct {
	Bucket, BucketARN string
	Table, TableARN   string
	Ledger            string // table name
	Topic             string // ARN
}

// MakePlace makes one. Its bucket and lock table have this name.
func (a *AWS) MakePlace(ctx context.Context, name string) (Place, error) {
	p := Place{Bucket: name, Table: name, Ledger: name + "-ledger"}
	var err error
	if p.TableARN, err = a.MakeTable(ctx, p.Table, "LockID"); err != nil {
		return p, err
	}
	if p.BucketARN, err = a.MakeBucket(ctx, p.Bucket); err != nil {
		return p, err
	}
	if _, err = a.MakeTable(ctx, p.Ledger, "kind", "id"); err != nil {
		return p, err
	}
	p.Topic, err = a.MakeTopic(ctx, name)
	return p, err
}

// Path is that of the state with this key.
func (p Place) Path(key string) tflock.Path { return tflock.NewPath(p.Bucket, key) }

// TakeLock takes the lock of a state path (bucket/key) in these stores, as a client does
// that applies.
func TakeLock(ctx context.Context, path tflock.Path, id string, stores ...backend.Store) error {
	raw, err := tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "me@host", Created: time.Now().UTC(), Path: string(path)}.Marshal()
	for _, s := range stores {
		if err == nil {
			_, err = s.Acquire(ctx, path, raw)
		}
	}
	return err
}
