package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/witness"
)

// The sessions of the world.
const (
	taker   = "gh-1-2"       // took the named lock
	former  = "gh-1-1"       // had a lock on its state before, and the lock that is gone
	remover = "AWSCLI-human" // removed the lock that is gone
	later   = "gh-1-3"       // had a lock on its state after that
)

// witnessed is the truth about the locks of a scene with a witness.
type witnessed struct {
	session string        // that took the named lock; empty: nobody may be named
	held    time.Duration // since when the named lock was held when the scene began, at most; 0: not asked
	removed string        // who removed the lock that is gone; empty: nobody may be named
}

// deliver has the witness function take S3's notifications, one after the other, and then
// all of them once more.
func deliver(ctx context.Context, w *world, cfg aws.Config, all ...local.Notification) error {
	function := witness.Witness{Locks: backend.NewLockVersions(cfg), Records: w.memory(cfg).Witnesses, Log: quiet}
	var errs []error
	for _, n := range append(all, all...) {
		body, err := n.Body()
		if err != nil {
			return err
		}
		out, err := function.Run(ctx, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: body}}})
		if len(out.BatchItemFailures) > 0 {
			err = errors.Join(err, errors.New("a message failed"))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// notice is what S3 says of one lock object, so long ago. order is that of what happened.
func (w *world) notice(name, key, etag, session string, order int, ago time.Duration) local.Notification {
	return local.Notification{
		Name: name, Bucket: w.Bucket, Key: key + tflock.Suffix, ETag: etag, Sequencer: fmt.Sprintf("0066%012X", order), Time: time.Now().Add(-ago),
	}.By(session)
}

const (
	created = "ObjectCreated:Put"
	deleted = "ObjectRemoved:DeleteMarkerCreated"
	// Of locks that are gone.
	formerETag = "0c51eaf3d6c7d4d7c1d7f7f0b8a5a1a2"
	goneETag   = "1c51eaf3d6c7d4d7c1d7f7f0b8a5a1a3"
	laterETag  = "2c51eaf3d6c7d4d7c1d7f7f0b8a5a1a4"
)

// namedObject is the ETag of the named lock's object.
func (w *world) namedObject(ctx context.Context) (string, error) {
	set, err := w.open(w.aws.Config())
	if err != nil {
		return "", err
	}
	h, found, err := set.Buckets[0].Find(ctx, w.Path(named))
	if err == nil && !found {
		err = errors.New("the named lock has no object")
	}
	return strings.Trim(h.ETag, `"`), err
}

// seenBefore has the ledger remember the lock objects that scans saw: of the lock that is
// gone, and of the named one.
func (w *world) seenBefore(ctx context.Context, etag string) error {
	then := time.Now().Add(-time.Hour)
	return w.remember(ctx,
		w.remembered(gone, goneID, ledger.Entry{
			FirstSeen: then, Stores: []string{w.BucketARN}, Notified: 1, NotifiedAt: then, Expires: then.Add(month), ETag: `"` + goneETag + `"`,
			Description: &policy.Description{ID: goneID, Path: string(w.Path(gone)), Verdict: policy.Stuck, HeldSince: then},
		}),
		w.remembered(named, namedID, ledger.Entry{
			FirstSeen: then, Kinds: []tflock.Kind{tflock.DynamoDB, tflock.S3}, Stores: []string{w.TableARN, w.BucketARN}, Expires: then.Add(month), ETag: `"` + etag + `"`,
		}))
}

// unorderedNotices: everything that S3 has to say comes late, twice, and the last first.
func unorderedNotices(ctx context.Context, w *world) error {
	etag, err := w.namedObject(ctx)
	return errors.Join(err, w.seenBefore(ctx, etag), deliver(ctx, w, w.aws.Config(),
		w.notice(deleted, gone, "", later, 8, time.Minute), w.notice(created, gone, laterETag, later, 7, 2*time.Minute),
		w.notice(deleted, gone, "", remover, 6, 3*time.Minute), w.notice(created, gone, goneETag, former, 5, 2*time.Hour),
		w.notice(created, named, etag, taker, 4, 100*time.Minute), w.notice(deleted, named, "", former, 3, 110*time.Minute), w.notice(created, named, formerETag, former, 2, 5*time.Hour)))
}

// lostNotices: S3 says nothing of who took the named lock, whose object is gone, and nothing
// of who removed the other one. What it says is of other locks on the same states.
func lostNotices(ctx context.Context, w *world) error {
	etag, err := w.namedObject(ctx)
	return errors.Join(err, w.seenBefore(ctx, etag), withoutObject(ctx, w), deliver(ctx, w, w.aws.Config(),
		w.notice(deleted, gone, "", later, 8, time.Minute), w.notice(created, gone, laterETag, later, 7, 2*time.Minute), w.notice(created, gone, goneETag, former, 5, 2*time.Hour),
		w.notice(created, named, formerETag, former, 2, 5*time.Hour)))
}

// retakenNotices: the client of the named lock waited for the table, and so took its object
// twice, with the same bytes; its object is gone by now. S3 speaks of the second time first.
func retakenNotices(ctx context.Context, w *world) error {
	etag, err := w.namedObject(ctx)
	return errors.Join(err, w.seenBefore(ctx, etag), withoutObject(ctx, w), deliver(ctx, w, w.aws.Config(),
		w.notice(created, named, etag, taker, 4, 90*time.Minute), w.notice(deleted, named, "", taker, 3, 100*time.Minute), w.notice(created, named, etag, taker, 2, 170*time.Minute)))
}

// runWitness has the witness function take what S3 says of the named lock.
func runWitness(ctx context.Context, w *world, cfg aws.Config, _ string) (string, error) {
	all, err := w.aws.Notifications(context.Background(), w.Bucket, named+tflock.Suffix)
	if err != nil {
		return "", err
	}
	for i := range all {
		all[i] = all[i].By(taker)
	}
	return "recorded", deliver(ctx, w, cfg, all...)
}

// evidence holds what was published against who really took and removed the locks.
func (w *world) evidence() (l violations) {
	truth := settings[w.scene].witnessed
	if truth == nil {
		return nil
	}
	all, err := w.published()
	l = l.and(err != nil, "what was published is not known")
	for _, m := range all {
		var e alert.Event
		l = l.and(json.Unmarshal([]byte(m.Texts["default"]), &e) != nil, "an event is not readable")
		for _, f := range findingsOf(e) {
			of := f.ID == namedID
			took := map[string]string{namedID: truth.session, goneID: former}[f.ID]
			l = l.and(f.Witness != nil && (took == "" || f.Witness.Session != took), fmt.Sprintf("evidence names a session for a lock that it did not take: %s of %s in %s", sessionIn(f), f.Path, e.Type)).
				and(of && truth.held > 0 && time.Duration(f.HeldAtLeastSeconds)*time.Second > truth.held+w.ahead+time.Minute, fmt.Sprintf("age at least counts from another lock's record: %ds in %s", f.HeldAtLeastSeconds, e.Type)).
				and(of && e.Type == alert.LockStuck && truth.session != "" && f.Witness == nil && !w.disturbed, "nobody is named who took the lock, and S3 said who did")
		}
		l = l.and(e.Removal != nil && (truth.removed == "" || e.Removal.Session != truth.removed), "evidence names a session for a removal that it did not make")
	}
	return l
}

func sessionIn(d policy.Description) string {
	if d.Witness == nil {
		return ""
	}
	return d.Witness.Session
}

// findingsOf are the locks that an event is about.
func findingsOf(e alert.Event) []policy.Description {
	var all []policy.Description
	if e.Lock != nil {
		all = append(all, *e.Lock)
	}
	for _, l := range e.Locks {
		all = append(all, l.Description)
	}
	return all
}
