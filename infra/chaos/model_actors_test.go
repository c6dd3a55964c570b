package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/prune"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// The keys of the model. The first is locked in the bucket and in the table, the second
// by its object alone, the third by its row alone.
var modelKeys = []string{"branches/a", "branches/b", "branches/c"}

// actor is a process that calls AWS.
type actor struct {
	number  int
	kind    string
	key     string
	started bool
	over    bool
	dead    bool // killed: nothing of it arrives any more
	mute    bool // it dies as soon as it would tell something
	run     func(cfg aws.Config) error

	// Of a client:
	id        string
	holds     bool   // from the time that it has its lock until it begins to unlock
	read      string // the state that it read under its lock
	unmet     string // what it met that no client must meet
	lockless  bool
	untouched bool // nobody without a lock wrote to its state since it was read
}

func (a *actor) String() string { return fmt.Sprintf("%d %s %s", a.number, a.kind, a.key) }

// client says whether it is none of Lockwarden's.
func (a *actor) client() bool {
	return a.kind == "client" || a.kind == "lockless" || a.kind == "successor"
}

func clientID(number int) string { return fmt.Sprintf("%08d-2222-3333-4444-555555555555", number) }

// stateText is a state as clients write it.
func stateText(serial int, lineage string, managed bool) string {
	resources := ""
	if managed {
		resources = `{"mode":"managed","type":"terraform_data","name":"a","instances":[{"attributes":{}}]}`
	}
	return fmt.Sprintf(`{"version":4,"terraform_version":"1.11.4","serial":%d,"lineage":%q,"outputs":{},"resources":[%s]}`, serial, lineage, resources)
}

// parts of a client's backend, in Terraform's order.
func storesFor(set backend.Set, key string) []backend.Store {
	switch key {
	case modelKeys[1]:
		return []backend.Store{set.Buckets[0]}
	case modelKeys[2]:
		return []backend.Store{set.Tables[0]}
	}
	return []backend.Store{set.Buckets[0], set.Tables[0]}
}

// apply is a client's run: lock, read, write once or twice, unlock. A successor first
// gives back the lock that everybody took for a dead one's.
func (m *model) apply(a *actor, cfg aws.Config, writes int, managed bool) error {
	ctx := context.Background()
	set, err := m.open(cfg)
	if err != nil {
		return err
	}
	stores := storesFor(set, a.key)
	if a.kind == "successor" {
		if err := m.giveBack(ctx, &actor{key: a.key, id: clientID(orphan + slices.Index(modelKeys, a.key))}, cfg, stores); err != nil {
			return err
		}
	}
	raw, err := m.lock(a.id, a.key)
	if err != nil {
		return err
	}
	if !a.lockless {
		for i, s := range stores {
			if _, err := s.Acquire(ctx, m.Path(a.key), raw); err != nil { // refused: it takes back what it has
				return errors.Join(err, m.giveBack(ctx, a, cfg, stores[:i]))
			}
		}
		a.holds = true
	}
	a.untouched = true
	serial, lineage, text := 0, "lineage of "+a.id, ""
	if !a.lockless { // it read before anybody looked
		if text, err = m.readState(ctx, a, set, stores); err != nil {
			return err
		}
	}
	if text != "" {
		at := strings.Index(text, `"serial":`)
		if _, err := fmt.Sscanf(text[at:], `"serial":%d,"lineage":%q`, &serial, &lineage); err != nil {
			return err
		}
	}
	a.read = text
	for range writes {
		serial++
		text := stateText(serial, lineage, managed)
		if _, err := s3For(cfg).PutObject(ctx, &s3.PutObjectInput{Bucket: &m.Bucket, Key: &a.key, Body: strings.NewReader(text)}); err != nil {
			return err
		}
		a.read = text
		if a.key != modelKeys[1] {
			if _, err := dynamodb.NewFromConfig(cfg).PutItem(ctx, &dynamodb.PutItemInput{TableName: &m.Table, Item: map[string]types.AttributeValue{
				"LockID": &types.AttributeValueMemberS{Value: m.Path(a.key) + "-md5"}, "Digest": &types.AttributeValueMemberS{Value: digestOf(text)},
			}}); err != nil {
				return err
			}
		}
	}
	if a.lockless {
		return nil
	}
	a.holds = false
	return m.giveBack(ctx, a, cfg, stores)
}

// lock is what a client writes to take one.
func (m *model) lock(id, key string) ([]byte, error) {
	return tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "me@host", Version: "1.11.4", Created: m.now().UTC(), Path: m.Path(key)}.Marshal()
}

// readState reads the state and its digest, as a client does.
func (m *model) readState(ctx context.Context, a *actor, set backend.Set, stores []backend.Store) (string, error) {
	state, err := set.Buckets[0].ReadState(ctx, m.Path(a.key), "")
	text := ""
	if err == nil {
		body, readErr := io.ReadAll(state)
		text, err = string(body), readErr
	}
	if err != nil && !errors.Is(err, backend.ErrGone) {
		return "", err
	}
	if stores[len(stores)-1].ARN() != m.TableARN {
		return text, nil
	}
	digest, err := set.Tables[0].Digest(ctx, m.Path(a.key))
	if err == nil && digest != "" && (text == "" || digest != digestOf(text)) && !m.torn[a.key] && a.untouched {
		a.unmet = fmt.Sprintf("it read %q, and the digest %s", text, digest)
	}
	return text, err
}

// giveBack unlocks as clients do: read, compare the ID, delete without a condition.
func (m *model) giveBack(ctx context.Context, a *actor, cfg aws.Config, stores []backend.Store) error {
	for _, s := range stores {
		h, found, err := s.Find(ctx, m.Path(a.key))
		if err != nil {
			return err
		}
		if !found || h.Info.ID != a.id {
			a.unmet = "its own lock was not there when it unlocked"
			continue
		}
		if s.ARN() == m.TableARN {
			_, err = dynamodb.NewFromConfig(cfg).DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &m.Table, Key: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: m.Path(a.key)}}})
		} else {
			_, err = s3For(cfg).DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &m.Bucket, Key: aws.String(a.key + tflock.Suffix)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func s3For(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// Lockwarden's own: every state counts as stale at once.

func (m *model) sweep(cfg aws.Config, paths, requestID string) error {
	p, err := pruner(m.world, cfg, paths, 0)
	if err != nil {
		return err
	}
	_, err = p.Run(context.Background(), prune.Request{}, requestID)
	return err
}

func (m *model) restore(cfg aws.Config, key string) error {
	p, err := pruner(m.world, cfg, everything, 0)
	if err != nil {
		return err
	}
	_, err = p.Restore(context.Background(), m.Path(key), fmt.Sprint("restore of ", key, time.Now()))
	return err
}
