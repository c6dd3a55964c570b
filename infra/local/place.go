package local

import "context"

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
