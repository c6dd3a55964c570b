package backend

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// CrowdedError says that not everything in some folders of a bucket was read: they have more
// lock objects than a scan can read in its time, or S3 failed to give one. Everything else in the
// bucket was read.
type CrowdedError struct {
	Store    string        // ARN
	Prefixes []string      // bucket/first/, or a deeper folder; the path itself of an object without a prefix
	Object   *ObjectsError // nil: they have too many lock objects
}

func (e *CrowdedError) Error() string {
	if e.Object == nil {
		return e.Store + ": " + Crowd(e.Prefixes)
	}
	text := e.Store + ": " + e.Object.Error()
	if others := slices.DeleteFunc(slices.Clone(e.Prefixes), func(p string) bool { return p == e.Object.Prefix }); len(others) > 0 {
		text += "; " + Crowd(others)
	}
	return text
}

// ObjectsError says that S3 failed to give lock objects under one prefix.
type ObjectsError struct {
	Prefix string // bucket/first/, or a folder in it
	Err    *Error // of the first one
}

func (e *ObjectsError) Error() string {
	return "S3 failed to give a lock object under " + plain.Quoted(shortened(e.Prefix)) + ", so it is not known which locks there are held; everything outside of that prefix was read. Cause: " +
		strings.TrimPrefix(e.Err.Error(), e.Err.Store+": ")
}

// unread is what a survey of a bucket could not read.
type unread struct {
	store   error         // the first failure that is the store's
	crowded []string      // prefixes with too many lock objects
	objects *ObjectsError // the first lock object that could not be read, where all of them have one top-level prefix
}

// add keeps an error that concerns more than one lock object.
func (u *unread) add(err error) {
	if crowded, ok := err.(*CrowdedError); ok { //nolint:errorlint // as it is made here
		u.crowded = append(u.crowded, crowded.Prefixes...)
		return
	}
	u.store = cmp.Or(u.store, err)
}

// object keeps the failure of one lock object. Whoever may write a prefix can have objects there that S3
// fails to give, such as those under a key in a store of their own (KMS external key store) that does not
// answer: that is the failure of the folder that all of them are in, or they would blind a scan for everybody. Where several
// top-level prefixes have one, S3 itself may be what fails.
func (u *unread) object(b *Bucket, r *reading) {
	failed, ok := r.err.(*Error) //nolint:errorlint // as readListed makes it
	if !ok || !ofObject(failed.Err) {
		u.store = cmp.Or(u.store, r.err)
		return
	}
	path := tflock.Path(strings.TrimSuffix(string(tflock.NewPath(b.name, aws.ToString(r.object.Key))), tflock.Suffix))
	bucket := tflock.NewPath(b.name, "")
	if u.objects == nil {
		folder := tflock.Folder(path, path)
		if folder == bucket {
			folder = path
		}
		u.objects = &ObjectsError{string(folder), failed}
		return
	}
	shared := tflock.Folder(tflock.Path(u.objects.Prefix), path)
	if shared == bucket {
		u.store = cmp.Or[error](u.store, u.objects.Err)
		return
	}
	u.objects.Prefix = string(shared)
}

// ofObject reports whether the failure to read a lock object may be of that object alone: no answer, a 5xx or
// a throttle, all of which its key's store can cause. What concerns the bucket or the credentials is not.
func ofObject(err error) bool {
	name, answered := code(err), status(err)
	switch {
	case credentialCode(name) || inOtherRegion(err):
		return false
	case answered == http.StatusRequestTimeout || answered == http.StatusTooManyRequests:
		return true
	}
	return answered < 400 || answered >= 500 || isTransient(name)
}

// failed keeps why a lock object could not be read. When the time has ended, that says nothing of the object.
func (s *survey) failed(ctx context.Context, now stretch, r *reading) {
	if ctx.Err() != nil {
		s.unread.add(s.bucket.crowded(ctx, now, s.parts, r.err))
		return
	}
	s.unread.object(s.bucket, r)
}

// problem is how the survey ends: nil where everything was read.
func (s *survey) problem() error {
	u := s.unread
	if u.store != nil {
		return u.store
	}
	e := &CrowdedError{Store: s.bucket.arn, Prefixes: u.crowded, Object: u.objects}
	if u.objects != nil {
		e.Prefixes = append(e.Prefixes, u.objects.Prefix)
	}
	if len(e.Prefixes) == 0 {
		return nil
	}
	slices.Sort(e.Prefixes)
	e.Prefixes = slices.Compact(e.Prefixes)
	return e
}
