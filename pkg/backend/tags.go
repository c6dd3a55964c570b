package backend

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// LockTags are the tags of a lock's object: OpenTofu's lock_tags, or what somebody put
// there. S3 has no condition for reading tags, so the object is looked at after them: it
// fails with *ChangedError where it is no longer the one that h was read from, with
// ErrGone where there is none, and with *Error else.
func (b *Bucket) LockTags(ctx context.Context, h tflock.Holding) (map[string]string, error) {
	key, err := b.lockObject(h.Path)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	out, err := b.s3.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &b.name, Key: &key})
	if noObject(err) {
		return nil, ErrGone
	}
	if err == nil && out.TagSet == nil { // S3 gives an empty one where there are no tags
		err = errNotS3
	}
	if err != nil {
		return nil, &Error{b.arn, err}
	}
	now, err := b.listOne(ctx, key)
	switch {
	case err != nil:
		return nil, err
	case now.Key == nil:
		return nil, ErrGone
	case aws.ToString(now.ETag) != h.ETag || !sameSecond(aws.ToTime(now.LastModified), h.Modified):
		return nil, &ChangedError{}
	}
	tags := make(map[string]string, len(out.TagSet))
	for _, t := range out.TagSet {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return tags, nil
}

// sameSecond compares two of S3's times: a listing may have fractions of a second, which
// the header of an object never has.
func sameSecond(a, b time.Time) bool { return a.Unix() == b.Unix() }
