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

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// The keys of the model. The first is locked in the bucket and in the table, the second
// by its object alone, the third by its row alone.
var modelKeys = []string{"branches/a", "branches/b", "branches/c"}

// orphan is the number of the dead client that has a key of that index.
const orphan = 90

func clientID(number int) string { return fmt.Sprintf("%08d-2222-3333-4444-555555555555", number) }

// stateText is a state as clients write it.
func stateText(serial int, lineage string, managed bool) string {
	resources := ""
	if managed {
		resources = `{"mode":"managed","type":"terraform_data","name":"a","instances":[{"attributes":{}}]}`
	}
	return fmt.Sprintf(`{"version":4,"terraform_version":"1.11.4","serial":%d,"lineage":%q,"outputs":{},"resources":[%s]}`, serial, lineage, resources)
}

// storesFor are the parts of a client's backend, in Terraform's order.
func storesFor(set backend.Set, key string) []backend.Store {
	switch key {
	case modelKeys[1]:
		return []backend.Store{set.Buckets[0]}
	case modelKeys[2]:
		return []backend.Store{set.Tables[0]}
	}
	return []backend.Store{set.Buckets[0], set.Tables[0]}
}

// client is a run that takes its lock, reads, writes, and unlocks. With more tries it waits
// for its lock as -lock-timeout has it: in between it gives back the half that it took, and
// takes it again with the same ID and the same time.
type client struct {
	drawn
	tries      int // 0: one
	orphanEnds moment
	answerLost bool // it does not hear that it has its lock, meets it at once, and waits for it
	slashes    bool // Terraform 1.5 with a double slash in its key: its rows have it, its object does not
}

// moment is when the client that everybody took for dead, and that has the same key, comes
// to its end and unlocks.
type moment int

const (
	never moment = iota
	beforeItBegins
	whileItWaits
)

func (c client) run(p *process, cfg aws.Config) error {
	m := p.model
	set, err := m.open(cfg)
	if err != nil {
		return err
	}
	stores := storesFor(set, p.key)
	if c.slashes {
		stores = []backend.Store{set.Tables[0]}
	}
	if c.orphanEnds == beforeItBegins {
		if err := m.endOrphan(p, cfg, stores); err != nil {
			return err
		}
	}
	if err := c.acquire(p, cfg, stores); err != nil {
		return err
	}
	p.undisturbed = true
	text, err := p.read(set, stores)
	if err != nil {
		return err
	}
	serial, lineage := 0, "lineage of "+p.id
	if text != "" {
		at := strings.Index(text, `"serial":`)
		if _, err := fmt.Sscanf(text[at:], `"serial":%d,"lineage":%q`, &serial, &lineage); err != nil {
			return err
		}
	}
	if err := c.write(p, cfg, serial, lineage); err != nil {
		return err
	}
	return p.unlock(cfg, stores)
}

// acquire takes the lock, and says in it that it was made now, by its own clock.
func (c client) acquire(p *process, cfg aws.Config, stores []backend.Store) error {
	raw, err := p.model.lock(p.id, p.name(), c.clock)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		refused := p.take(cfg, stores, raw)
		if refused == nil && c.answerLost && try == 1 { // of its last half: it gives back the others
			last := len(stores) - 1
			refused = errors.Join(&backend.HeldError{}, p.unlock(cfg, stores[:last]))
		}
		if _, held := errors.AsType[*backend.HeldError](refused); refused == nil || !held || try >= c.tries {
			return refused
		}
		if c.orphanEnds == whileItWaits && try == 1 {
			if err := p.model.endOrphan(p, cfg, stores); err != nil {
				return err
			}
		}
	}
}

// take tries to take every half of the lock, and gives back what it has when one is held.
func (p *process) take(cfg aws.Config, stores []backend.Store, raw []byte) error {
	for i, s := range stores {
		var err error
		if p.tag != "" && s.ARN() == p.model.BucketARN {
			err = p.acquireTagged(cfg, raw)
		} else {
			_, err = s.Acquire(context.Background(), p.name(), raw)
		}
		if err != nil {
			return errors.Join(err, p.unlock(cfg, stores[:i]))
		}
	}
	return nil
}

// lockless is a run with -lock=false, which read before anybody looked.
type lockless struct{ drawn }

func (c lockless) run(p *process, cfg aws.Config) error {
	c.writes = max(c.writes, 1)
	return client{drawn: c.drawn}.write(p, cfg, 0, "lineage of "+p.id)
}

// write writes the state, and its digest where the client has a table.
func (c client) write(p *process, cfg aws.Config, serial int, lineage string) error {
	m := p.model
	for range c.writes {
		serial++
		text := stateText(serial, lineage, c.managed)
		if _, err := p.s3(cfg).PutObject(context.Background(), &s3.PutObjectInput{Bucket: &m.Bucket, Key: &p.key, Body: strings.NewReader(text)}); err != nil {
			return err
		}
		if p.key == modelKeys[1] && !c.slashes {
			continue
		}
		if _, err := dynamodb.NewFromConfig(cfg).PutItem(context.Background(), &dynamodb.PutItemInput{TableName: &m.Table, Item: map[string]types.AttributeValue{
			"LockID": &types.AttributeValueMemberS{Value: string(p.name() + "-md5")}, "Digest": &types.AttributeValueMemberS{Value: local.MD5(text)},
		}}); err != nil {
			return err
		}
	}
	return nil
}

// lock is what a client writes to take one.
func (m *model) lock(id string, path tflock.Path, clock time.Duration) ([]byte, error) {
	return tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "me@host", Version: "1.11.4", Created: m.now().Add(clock).UTC(), Path: string(path)}.Marshal()
}

// read reads the state and its digest, as a client does.
func (p *process) read(set backend.Set, stores []backend.Store) (string, error) {
	m, ctx := p.model, context.Background()
	state, err := set.Buckets[0].ReadState(ctx, m.Path(p.key), "")
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
	digest, err := set.Tables[0].Digest(ctx, p.name())
	if err == nil && digest != "" && (text == "" || digest != local.MD5(text)) && !m.history.torn[string(m.Path(p.key))] && p.undisturbed && !p.lockless {
		p.unexpected = fmt.Sprintf("it read %q, and the digest %s", text, digest)
	}
	return text, err
}

// unlock does as clients do: read, compare the ID, delete without a condition.
func (p *process) unlock(cfg aws.Config, stores []backend.Store) error {
	m, ctx := p.model, context.Background()
	for _, s := range stores {
		h, found, err := s.Find(ctx, p.name())
		if err != nil {
			return err
		}
		if !found || h.Info.ID != p.id {
			if !p.lockless {
				p.unexpected = "its own lock was not there when it unlocked"
			}
			continue
		}
		if s.ARN() == m.TableARN {
			_, err = dynamodb.NewFromConfig(cfg).DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &m.Table, Key: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: string(p.name())}}})
		} else {
			_, err = p.s3(cfg).DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &m.Bucket, Key: aws.String(p.key + tflock.Suffix)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// endOrphan has the client unlock that everybody took for dead.
func (m *model) endOrphan(p *process, cfg aws.Config, stores []backend.Store) error {
	own, unexpected := p.party, p.unexpected
	p.party = m.orphans[slices.Index(modelKeys, p.key)]
	err := p.unlock(cfg, stores)
	p.party, p.unexpected = own, unexpected // a release of it may have come first
	return err
}
