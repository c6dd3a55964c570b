package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// scene is one way in which the world is set up.
type scene string

// The scenes.
const (
	plain        scene = ""
	tableOnly    scene = "row alone"               // of the named lock the object is missing
	bucketOnly   scene = "object alone"            // of the named lock the row is missing
	theirRow     scene = "their row alone"         // a client has half a lock, its row, on each state that we would lock
	theirObject  scene = "their object alone"      // the same with its object
	ownRow       scene = "own row alone"           // a dead run of ours has left half a lock, its row, on each such state
	ownObject    scene = "own object alone"        // the same with its object
	archived     scene = "archived"                // a lock object beside the others is archived
	noKey        scene = "no key"                  // a lock object beside the others is under a KMS key that we may not use
	archivedHalf scene = "archived half"           // the object of the named lock is archived
	archivedLock scene = "archived lock"           // the same, and there is no row
	demanding    scene = "encryption demanded"     // the bucket refuses what names no encryption
	slashes      scene = "double slashes"          // a client of Terraform 1.5 has locked the state that could be pruned
	slashesFresh scene = "double slashes, written" // the same of the named lock, and its state was written just now
	crowd        scene = "crowd"                   // there are more states to be pruned
	unordered    scene = "witness, unordered"      // S3's events came late, twice, and the last first
	lost         scene = "witness, lost"           // S3 said nothing of the locks of this world, and much of others on their states
	retaken      scene = "witness, retaken"        // the client of the named lock took its object twice
	reapplied    scene = "re-applied"              // the prune that died never deleted its state, and a client has written it again
)

// setting is what makes a scene.
type setting struct {
	functions []string // which are tried in it
	prepare   func(ctx context.Context, w *world) error
	// refuses says how S3 refuses a request for as long as the scene lasts; none: it does not.
	refuses func(w *world, r *http.Request) fault
	// path is the key of the state that a release names beside the ID; empty: the ID alone.
	path string
	// witnessed is what S3's events may lead to. It may be nil.
	witnessed *witnessed
	// anyOrder: the calls come in any order, so that only troubles can be tried.
	anyOrder bool
}

// order is that in which the scenes are tried.
var order = []scene{plain, tableOnly, bucketOnly, theirRow, theirObject, ownRow, ownObject, archived, noKey, archivedHalf, archivedLock, demanding, slashes, slashesFresh, crowd, reapplied, unordered, lost, retaken}

var settings = map[scene]setting{
	plain:        {functions: []string{"monitor", "unlock", "prune", "restore", "witness", "accept", "roll back", "delete digest"}},
	tableOnly:    {functions: []string{"unlock", "monitor"}, prepare: withoutObject},
	bucketOnly:   {functions: []string{"unlock", "monitor"}, prepare: withoutRow},
	theirRow:     {functions: lockers, prepare: halfOf(theirs, false)},
	theirObject:  {functions: lockers, prepare: halfOf(theirs, true)},
	ownRow:       {functions: lockers, prepare: halfOf(deadRuns, false)},
	ownObject:    {functions: lockers, prepare: halfOf(deadRuns, true)},
	archived:     {functions: []string{"monitor", "unlock"}, prepare: lockAway, refuses: gets(away, archivedAway)},
	noKey:        {functions: []string{"monitor", "unlock"}, prepare: lockAway, refuses: gets(away, keyRefused)},
	archivedHalf: {functions: []string{"unlock"}, path: named, refuses: gets(named, archivedAway)},
	archivedLock: {functions: []string{"unlock"}, path: named, prepare: withoutRow, refuses: gets(named, archivedAway)},
	demanding:    {functions: []string{"prune", "restore", "accept", "roll back"}, refuses: withoutEncryption},
	slashes:      {functions: []string{"prune"}, prepare: lockedWithSlashes},
	slashesFresh: {functions: []string{"unlock"}, prepare: writtenWithSlashes, path: doubled(named)},
	crowd:        {functions: []string{"prune"}, prepare: moreStates, anyOrder: true},
	unordered:    {functions: []string{"monitor", "unlock"}, prepare: unorderedNotices, witnessed: &witnessed{session: taker, removed: remover}},
	lost:         {functions: []string{"monitor", "unlock"}, prepare: lostNotices, witnessed: &witnessed{held: time.Hour}},
	retaken:      {functions: []string{"monitor", "unlock"}, prepare: retakenNotices, witnessed: &witnessed{session: taker, held: 90 * time.Minute}},
	reapplied:    {functions: []string{"prune"}, prepare: writtenAgain},
}

func withoutObject(ctx context.Context, w *world) error {
	_, err := w.aws.S3().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: aws.String(named + tflock.Suffix)})
	return err
}

func withoutRow(ctx context.Context, w *world) error {
	_, err := dynamodb.NewFromConfig(w.aws.Config()).DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &w.Table, Key: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: string(w.Path(named))}},
	})
	return err
}

func lockAway(ctx context.Context, w *world) error {
	_, err := w.aws.S3().PutObject(ctx, &s3.PutObjectInput{Bucket: &w.Bucket, Key: aws.String(away + tflock.Suffix), Body: strings.NewReader("{}")})
	return errors.Join(err, w.aws.Age(w.Bucket, away, month))
}

// crowded is the beginning of the keys of the crowd.
const crowded = "branches/crowd-"

func moreStates(ctx context.Context, w *world) error {
	state, err := sample("destroyed")
	for i := range 6 {
		err = errors.Join(err, w.putState(ctx, fmt.Sprint(crowded, i), string(state), true))
	}
	return errors.Join(err, w.aws.Age(w.Bucket, crowded, month))
}

// writtenAgain has the state there again that a prune recorded and did not live to delete:
// a client has written a new version over the one on record, and no delete marker is
// between them.
func writtenAgain(ctx context.Context, w *world) error {
	_, markers, err := w.versions(ctx, w.aws.Config(), unreported)
	for _, id := range markers {
		_, failed := w.aws.S3().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: aws.String(unreported), VersionId: &id})
		err = errors.Join(err, failed)
	}
	state, readErr := sample("applied")
	return errors.Join(err, readErr, w.putState(ctx, unreported, string(state), true))
}

// doubled is a key as it is configured for a Terraform up to 1.5, which stores the object
// without the second slash.
func doubled(key string) string { return strings.Replace(key, "/", "//", 1) }

// lockedWithSlashes has an old client at work on the state that could be pruned.
func lockedWithSlashes(ctx context.Context, w *world) error {
	raw, err := clientLock("old", doubled(empty), w).Marshal()
	return errors.Join(err, w.putRow(ctx, doubled(empty), string(raw)))
}

// writtenWithSlashes has the named lock in a row with both slashes, where the monitor has
// seen it for an hour, and its state written just now.
func writtenWithSlashes(ctx context.Context, w *world) error {
	raw, err := clientLock(namedID, doubled(named), w).Marshal()
	then := time.Now().Add(-time.Hour)
	seenThere := ledger.Entry{FirstSeen: then, Kinds: []tflock.Kind{tflock.DynamoDB}, Stores: []string{w.TableARN}, Expires: then.Add(month)}
	err = errors.Join(err, withoutObject(ctx, w), withoutRow(ctx, w), w.putRow(ctx, doubled(named), string(raw)), w.remember(ctx, w.remembered(doubled(named), namedID, seenThere)))
	state, readErr := sample("applied")
	return errors.Join(err, readErr, w.putState(ctx, named, string(state), true))
}

// gets refuses to give one lock object.
func gets(key string, with fault) func(w *world, r *http.Request) fault {
	return func(w *world, r *http.Request) fault {
		if r.Method == http.MethodGet && r.URL.Path == "/"+w.Bucket+"/"+key+tflock.Suffix {
			return with
		}
		return none
	}
}

func withoutEncryption(w *world, r *http.Request) fault {
	if r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/"+w.Bucket+"/") && r.Header.Get("X-Amz-Server-Side-Encryption") == "" {
		return denied
	}
	return none
}

// set brings the world back, and sets it up as a scene wants it.
func (w *world) set(s scene) error {
	if err := w.reset(); err != nil {
		return err
	}
	w.scene = s
	if prepare := settings[s].prepare; prepare != nil {
		if err := prepare(context.Background(), w); err != nil {
			return err
		}
	}
	first, known := w.firsts[s]
	if !known {
		var err error
		if first, err = w.contents(); err != nil {
			return err
		}
		if w.firsts == nil {
			w.firsts = map[scene]contents{}
		}
		w.firsts[s] = first
	}
	w.first = first
	return nil
}

// config is for whoever calls AWS in this scene.
func (w *world) config() aws.Config {
	cfg := w.aws.Config()
	if settings[w.scene].refuses != nil {
		cfg.HTTPClient = refusing{cfg.HTTPClient, w}
	}
	return cfg
}

// refusing answers in S3's place what the scene refuses.
type refusing struct {
	next interface {
		Do(r *http.Request) (*http.Response, error)
	}
	world *world
}

func (c refusing) Do(r *http.Request) (*http.Response, error) {
	if f := settings[c.world.scene].refuses(c.world, r); f != none {
		return refusal(f, "S3", r), nil
	}
	return c.next.Do(r)
}
