package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Prefix begins the key of every scratch object. What is under it is neither a lock nor a state.
const Prefix = "lockwarden-probe/"

// scratch is in every scratch object and row, for whoever finds one that a crash left.
const scratch = "Lockwarden wrote this to find out whether this store honours conditional requests. It is not a lock and not a state. Delete it."

// Timeout bounds one probe.
const Timeout = 20 * time.Second

// Bucket probes a bucket, in about twenty calls. It touches two objects with names of its own,
// which it removes with their versions; what is left when it could not is among the problems.
func Bucket(ctx context.Context, client objects, bucket string) Report {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	b := &bucketProbe{client: client, bucket: bucket, key: Prefix + rand.Text() + ".txt", Report: Report{
		Store: bucket, Create: NotKnown, Delete: NotKnown, Replace: NotKnown, CreateAfterDelete: NotKnown, DeleteAbsent: NotKnown, DoubleSlash: NotKnown, Versioning: Unknown,
	}}
	b.versioning(ctx)
	if b.create(ctx) {
		b.replace(ctx)
		b.delete(ctx)
		b.gone(ctx)
		b.again(ctx)
		b.names(ctx)
	}
	b.clean(ctx)
	return b.Report
}

// bucketProbe is one probe of a bucket.
type bucketProbe struct {
	client  objects
	bucket  string
	key     string
	etag    string   // of the object that is there now
	removed string   // the ETag of the object that deletes are tried on
	absent  bool     // a read has shown that the object is gone, and nothing was written since
	left    []string // version IDs to remove: of versions and of delete markers
	wrote   bool
	Report
}

func (b *bucketProbe) versioning(ctx context.Context) {
	out, err := b.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &b.bucket})
	switch {
	case err != nil:
		b.note("its versioning could not be read", cause(err))
	case out.Status == types.BucketVersioningStatusEnabled:
		b.Versioning = On
	case out.Status == types.BucketVersioningStatusSuspended:
		b.Versioning = Suspended
	default:
		b.Versioning = Off
	}
}

// create writes twice on condition that there is nothing. It reports whether an object of ours
// is there afterwards.
func (b *bucketProbe) create(ctx context.Context) bool {
	err := b.put(ctx, "first", ifNone)
	if refused(err) && b.holds(ctx, "first") {
		err = nil // the answer to an earlier attempt was lost
	}
	if unsupported(err) && b.put(ctx, "first", always) == nil {
		b.Create = Rejected
		b.note("a conditional write was refused", cause(err))
		return true
	}
	if err != nil {
		b.note("nothing could be written", cause(err))
		return false
	}
	switch err := b.put(ctx, "second", ifNone); {
	case err == nil:
		b.Create = Ignored
	case refused(err):
		b.Create = Holds
	default:
		b.note("a second write could not be tried", cause(err))
	}
	return true
}

// replace writes over the object on a wrong condition, then on the right one.
func (b *bucketProbe) replace(ctx context.Context) {
	if b.etag == "" && !b.holds(ctx, "") {
		b.note("a write over something could not be tried", errNoTag)
		return
	}
	right := ifMatch(b.etag)
	err := b.put(ctx, "fourth", ifMatch(wrongTag))
	if err == nil {
		b.Replace = Ignored
		return
	}
	if refused(err) {
		err = b.put(ctx, "fifth", right)
	}
	switch {
	case err == nil || refused(err) && b.holds(ctx, "fifth"): // the latter: the answer to an earlier attempt was lost
		b.Replace = Holds
	case refused(err) || unsupported(err):
		b.Replace = Rejected
		b.note("a write over something with the right condition was refused", cause(err))
	default:
		b.note("a write over something could not be tried", cause(err))
	}
}

// wrongTag is the ETag of no object here: that of an empty one.
const wrongTag = `"d41d8cd98f00b204e9800998ecf8427e"`

// delete deletes on a wrong condition, then on the right one.
func (b *bucketProbe) delete(ctx context.Context) {
	if b.etag == "" && !b.holds(ctx, "") {
		b.note("deletes could not be tried", errNoTag)
		return
	}
	b.removed = b.etag
	err := b.remove(ctx, wrongTag)
	switch {
	case err == nil:
		b.Delete = Ignored
		if b.exists(ctx) {
			_ = b.remove(ctx, "")
		}
	case unsupported(err):
		b.Delete = Rejected
		b.note("a conditional delete was refused", cause(err))
		_ = b.remove(ctx, "")
	case !refused(err):
		b.note("a delete could not be tried", cause(err))
		return
	default:
		b.rightDelete(ctx)
	}
}

// gone deletes once more, on condition of what was there.
func (b *bucketProbe) gone(ctx context.Context) {
	if b.Delete != Holds && b.Delete != Ignored || b.exists(ctx) {
		return
	}
	switch err := b.remove(ctx, b.removed); {
	case err == nil:
		b.DeleteAbsent = Ignored
	case missing(err) || refused(err):
		b.DeleteAbsent = Holds
	default:
		b.note("a delete of nothing could not be tried", cause(err))
	}
}

// names writes an object with // in its key, and looks under which key it is there.
func (b *bucketProbe) names(ctx context.Context) {
	if b.Delete == NotKnown { // then it could not be removed
		return
	}
	folder := Prefix + rand.Text()
	odd := &bucketProbe{client: b.client, bucket: b.bucket, key: folder + "//name.txt"}
	collapsed := &bucketProbe{client: b.client, bucket: b.bucket, key: folder + "/name.txt"}
	answer, err := odd.nameBeside(ctx, collapsed)
	b.DoubleSlash = answer
	if err != nil {
		b.note("a key with // could not be tried", cause(err))
	}
	odd.clean(ctx)
	b.Problems = append(b.Problems, odd.Problems...)
}

// nameBeside writes this object, and reports whether it is there under its own key or under another.
func (b *bucketProbe) nameBeside(ctx context.Context, other *bucketProbe) (Answer, error) {
	err := b.put(ctx, "name", always)
	if err == nil {
		err = b.look(ctx)
	}
	switch {
	case unsupported(err) || missing(err):
		return Rejected, nil
	case err != nil:
		return NotKnown, err
	}
	switch err := other.look(ctx); {
	case err == nil:
		return Ignored, nil
	case missing(err):
		return Holds, nil
	default:
		return NotKnown, err
	}
}

// rightDelete deletes on condition of what is there, which must succeed.
func (b *bucketProbe) rightDelete(ctx context.Context) {
	switch err := b.remove(ctx, b.etag); {
	case err == nil || missing(err): // missing: the answer to an earlier attempt was lost
		b.Delete = Holds
		if b.exists(ctx) {
			b.Delete = Rejected
			b.note("a delete with the right condition was answered as done", errors.New("and the object is still there"))
		}
	case refused(err) || unsupported(err):
		b.Delete = Rejected
		b.note("a delete with the right condition was refused", cause(err))
		_ = b.remove(ctx, "")
	default:
		b.note("a delete could not be tried", cause(err))
	}
}

// again writes where something was deleted.
func (b *bucketProbe) again(ctx context.Context) {
	if b.Create == Rejected || b.Delete == NotKnown || b.exists(ctx) {
		return
	}
	switch err := b.put(ctx, "third", ifNone); {
	case err == nil && b.Create == Ignored:
		b.CreateAfterDelete = Ignored
	case err == nil || refused(err) && b.holds(ctx, "third"):
		b.CreateAfterDelete = Holds
	case refused(err):
		b.CreateAfterDelete = Rejected
	default:
		b.note("a write after a delete could not be tried", cause(err))
	}
}
