package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/infra/inprocess"
	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/scan"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// The states of the world, by key. Each of them has a part in somebody's work.
const (
	named      = "live/named.tfstate"          // its lock is stuck, and is the one to be released
	other      = "live/other.tfstate"          // its lock, in the bucket alone, was reported as stuck, and must stay
	gone       = "live/gone.tfstate"           // its lock was reported as stuck, and is gone
	away       = "live/away.tfstate"           // has a lock object that cannot be read, in two scenes
	foreign    = "deploy"                      // a row of another tool
	empty      = "branches/empty.tfstate"      // to be pruned
	full       = "branches/full.tfstate"       // stale, and manages infrastructure
	unreported = "branches/unreported.tfstate" // pruned by a run that died before it could say so
	restored   = "branches/restored.tfstate"   // pruned, and to be restored
)

const (
	namedID = "11111111-2222-3333-4444-555555555555"
	otherID = "66666666-7777-8888-9999-000000000000"
	goneID  = "99999999-8888-7777-6666-555555555555"
	month   = 31 * 24 * time.Hour
)

// world is an AWS with a backend that all functions find work in. It is made once, and
// set back for every case.
type world struct {
	aws    *local.AWS
	engine *inprocess.AWS // in its place; nil: it is not
	local.Place
	made  time.Time
	spare string // ARN of a second table, which nothing pairs with the bucket

	ahead      time.Duration     // how far its clock is ahead
	stuckAfter time.Duration     // the monitor's threshold
	scene      scene             // how it is set up
	first      contents          // what was there at first
	disturbed  bool              // something goes wrong in it
	rivals     map[string]string // what locks say that others took meanwhile, by their store and key
	firsts     map[scene]contents
}

func (w *world) now() time.Time { return time.Now().Add(w.ahead) }

func (w *world) open(cfg aws.Config) (backend.Set, error) {
	return backend.Open(cfg, []string{w.TableARN, w.spare}, []string{w.BucketARN})
}

// makeWorld makes one in an AWS that has no other.
func makeWorld(ctx context.Context, server *local.AWS) (*world, error) {
	w := &world{aws: server, made: time.Now(), stuckAfter: 30 * time.Minute}
	var err error
	if w.Place, err = server.MakePlace(ctx, "chaos"); err != nil {
		return nil, err
	}
	if w.spare, err = server.MakeTable(ctx, "chaos-spare", "LockID"); err != nil {
		return nil, err
	}
	if err := errors.Join(w.putLocks(ctx), w.putBroken(ctx), w.putStates(ctx), w.putMemory(ctx)); err != nil {
		return nil, err
	}
	if err := server.Save(); err != nil {
		return nil, err
	}
	return w, nil
}

// reset brings the world back as it was made.
func (w *world) reset() error {
	w.ahead, w.scene, w.disturbed, w.rivals = 0, plain, false, map[string]string{}
	if w.engine != nil {
		w.engine.Load()
		return nil
	}
	return errors.Join(w.aws.Load(), w.aws.Clock(0))
}

// advance lets time pass, for Lockwarden and for S3.
func (w *world) advance(by time.Duration) error {
	w.ahead += by
	return w.clock(w.ahead)
}

// sample is a state that a real client wrote.
func sample(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(local.Root(), "pkg", "tfstate", "testdata", name+".tfstate"))
}

func (w *world) putStates(ctx context.Context) error {
	client := w.aws.S3()
	for key, name := range map[string]string{
		named: "applied", other: "applied", empty: "destroyed", full: "applied", unreported: "destroyed", restored: "tofu-destroyed",
	} {
		state, err := sample(name)
		if err != nil {
			return err
		}
		pruned := key == unreported || key == restored
		if err := w.putState(ctx, key, string(state), !pruned); err != nil {
			return err
		}
		if !pruned {
			continue
		}
		if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: &key}); err != nil {
			return err
		}
	}
	return w.aws.Age(w.Bucket, "", month)
}

// putState writes a state, and its digest as clients do that use the table.
func (w *world) putState(ctx context.Context, key, state string, digest bool) error {
	return w.putStateBy(ctx, w.aws.Config(), key, state, digest)
}

func (w *world) putStateBy(ctx context.Context, cfg aws.Config, key, state string, digest bool) error {
	_, err := s3For(cfg).PutObject(ctx, &s3.PutObjectInput{Bucket: &w.Bucket, Key: &key, Body: strings.NewReader(state), ServerSideEncryption: s3types.ServerSideEncryptionAes256})
	if err == nil && digest {
		err = w.putRowBy(ctx, cfg, key+"-md5", "Digest", local.MD5(state))
	}
	return err
}

func s3For(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// putRow puts a row with that Info: of a lock, or of another tool.
func (w *world) putRow(ctx context.Context, key, info string) error {
	return w.putRowBy(ctx, w.aws.Config(), key, "Info", info)
}

func (w *world) putRowBy(ctx context.Context, cfg aws.Config, key, attribute, value string) error {
	_, err := dynamodb.NewFromConfig(cfg).PutItem(ctx, &dynamodb.PutItemInput{TableName: &w.Table, Item: map[string]types.AttributeValue{
		"LockID": &types.AttributeValueMemberS{Value: string(w.Path(key))}, attribute: &types.AttributeValueMemberS{Value: value},
	}})
	return err
}

// putLocks takes locks that are older than the threshold: the named one in the bucket and
// in the table, the other by its object alone.
func (w *world) putLocks(ctx context.Context) error {
	set, err := w.open(w.aws.Config())
	if err != nil {
		return err
	}
	for key, id := range map[string]string{named: namedID, other: otherID} {
		raw, err := clientLock(id, key, w).Marshal()
		for _, s := range []backend.Store{set.Buckets[0], set.Tables[0]} {
			if err == nil && (s == set.Buckets[0] || key == named) {
				_, err = s.Acquire(ctx, w.Path(key), raw)
			}
		}
		if err != nil {
			return err
		}
	}
	return w.putRow(ctx, foreign, "me, until noon")
}

// clientLock is what a client writes that began two hours before the world was made.
func clientLock(id, key string, w *world) tflock.Info {
	return tflock.Info{ID: id, Operation: "OperationTypeApply", Who: "me@host", Created: w.made.Add(-2 * time.Hour).UTC(), Path: string(w.Path(key))}
}

// putMemory has the ledger remember a lock that is held, one that is gone, a store that
// could not be read, and two prunes.
func (w *world) putMemory(ctx context.Context) error {
	then := time.Now().Add(-time.Hour)
	reported := func(key, id, store string) ledger.Step {
		return w.remembered(key, id, ledger.Entry{
			// Its object was written before it was seen.
			FirstSeen: time.Now(), Stores: []string{store}, Notified: 1, NotifiedAt: then, Expires: then.Add(month),
			Description: &policy.Description{ID: id, Path: string(w.Path(key)), Verdict: policy.Stuck, HeldSince: then},
		})
	}
	// The named lock was seen in both of its stores: a row has no other proof of its age.
	err := w.remember(ctx, reported(gone, goneID, w.TableARN), reported(other, otherID, w.BucketARN),
		w.remembered(named, namedID, ledger.Entry{FirstSeen: then, Kinds: []tflock.Kind{tflock.DynamoDB, tflock.S3}, Stores: []string{w.TableARN, w.BucketARN}, Expires: then.Add(month)}))
	if err != nil {
		return err
	}
	return w.putPrunes(ctx, time.Now().Add(-month))
}

func (w *world) remembered(key, id string, e ledger.Entry) ledger.Step {
	return ledger.Step{Change: ledger.Note, Key: ledger.Key{Path: w.Path(key), ID: id}, Entry: e}
}

// remember adds to the ledger what a scan of an hour ago recorded of locks.
func (w *world) remember(ctx context.Context, steps ...ledger.Step) error {
	then := time.Now().Add(-time.Hour)
	lease, err := w.memory(w.aws.Config()).Notifications.Begin(ctx, "earlier", &scan.Scan{Started: then}, then)
	if err == nil {
		err = lease.Record(ctx, slices.Values(steps))
	}
	if err != nil {
		return err
	}
	return lease.End(ctx, map[string]ledger.Store{
		w.spare: {FailingSince: then, Good: 1, Notified: 1, NotifiedAt: then}, w.TableARN: {LastRead: then.Add(-2 * time.Hour)}, w.BucketARN: {LastRead: then.Add(-2 * time.Hour)},
	})
}

// putPrunes has the ledger remember two prunes of the time at which the states went.
func (w *world) putPrunes(ctx context.Context, then time.Time) error {
	prunes := ledger.NewPrunes(dynamodb.NewFromConfig(w.aws.Config()), w.Ledger)
	set, err := w.open(w.aws.Config())
	if err != nil {
		return err
	}
	for key, reported := range map[string]bool{unreported: false, restored: true} {
		version, _, err := set.Buckets[0].LastVersion(ctx, w.Path(key))
		if err == nil {
			err = prunes.Record(ctx, ledger.Pruned{At: then, Reported: reported, State: policy.Stale{Path: w.Path(key), Fate: policy.Pruned, LastModified: then, VersionID: version}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// clock has S3's clock run that much ahead.
func (w *world) clock(ahead time.Duration) error {
	if w.engine != nil { // whose clock is the world's
		return nil
	}
	return w.aws.Clock(ahead)
}
