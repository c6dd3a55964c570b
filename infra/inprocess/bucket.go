package inprocess

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/infra/local"
)

type object struct {
	id       string
	marker   bool
	body     string
	etag     string
	modified time.Time
	tags     map[string]string
}

// callS3 answers a call of the one bucket, which keeps versions.
func (a *AWS) callS3(operation string, input any) (any, error) {
	switch in := input.(type) {
	case *s3.PutObjectInput:
		return a.putObject(in)
	case *s3.GetObjectInput:
		return a.getObject(in)
	case *s3.DeleteObjectInput:
		return a.deleteObject(in)
	case *s3.HeadObjectInput:
		o, err := a.find(*in.Key, in.VersionId)
		if err != nil {
			return nil, apiError(http.StatusNotFound, "NotFound")
		}
		return &s3.HeadObjectOutput{ETag: &o.etag, LastModified: &o.modified, VersionId: &o.id}, nil
	case *s3.ListObjectsV2Input:
		return a.listObjects(in), nil
	case *s3.ListObjectVersionsInput:
		return a.listVersions(in), nil
	case *s3.GetObjectTaggingInput:
		o, err := a.find(*in.Key, in.VersionId)
		if err != nil {
			return nil, err
		}
		out := &s3.GetObjectTaggingOutput{TagSet: []types.Tag{}}
		for _, key := range slices.Sorted(maps.Keys(o.tags)) {
			out.TagSet = append(out.TagSet, types.Tag{Key: aws.String(key), Value: aws.String(o.tags[key])})
		}
		return out, nil
	case *s3.PutObjectTaggingInput:
		if _, err := a.find(*in.Key, nil); err != nil {
			return nil, err
		}
		tags := map[string]string{}
		for _, t := range in.Tagging.TagSet {
			tags[*t.Key] = *t.Value
		}
		all := a.objects[*in.Key]
		all[len(all)-1].tags = tags
		return &s3.PutObjectTaggingOutput{}, nil
	case *s3.CreateBucketInput:
		return &s3.CreateBucketOutput{}, nil
	case *s3.PutBucketVersioningInput:
		return &s3.PutBucketVersioningOutput{}, nil
	case *s3.GetBucketVersioningInput:
		return &s3.GetBucketVersioningOutput{Status: types.BucketVersioningStatusEnabled}, nil
	}
	return nil, fmt.Errorf("this AWS does not know the call %s", operation)
}

// newest is the version that a read without one meets; false where there is none.
func (a *AWS) newest(key string) (object, bool) {
	all := a.objects[key]
	if len(all) == 0 || all[len(all)-1].marker {
		return object{}, false
	}
	return all[len(all)-1], true
}

func (a *AWS) find(key string, version *string) (object, error) {
	if version == nil {
		if o, found := a.newest(key); found {
			return o, nil
		}
		return object{}, refused(http.StatusNotFound, &types.NoSuchKey{Message: aws.String("The specified key does not exist.")})
	}
	for _, o := range a.objects[key] {
		if o.id == *version && o.marker {
			return object{}, apiError(http.StatusMethodNotAllowed, "MethodNotAllowed")
		}
		if o.id == *version {
			return o, nil
		}
	}
	return object{}, apiError(http.StatusNotFound, "NoSuchVersion")
}

func (a *AWS) add(key string, o object) object {
	a.versions++
	o.id, o.modified = fmt.Sprintf("v%07d", a.versions), a.written()
	a.objects[key] = append(a.objects[key], o)
	return o
}

func (a *AWS) putObject(in *s3.PutObjectInput) (any, error) {
	there, found := a.newest(*in.Key)
	switch {
	case found && aws.ToString(in.IfNoneMatch) == "*", found && in.IfMatch != nil && *in.IfMatch != there.etag:
		return nil, apiError(http.StatusPreconditionFailed, "PreconditionFailed")
	case !found && in.IfMatch != nil:
		return nil, refused(http.StatusNotFound, &types.NoSuchKey{})
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	query, err := url.ParseQuery(aws.ToString(in.Tagging))
	for name := range query {
		tags[name] = query.Get(name)
	}
	o := a.add(*in.Key, object{body: string(body), etag: `"` + local.MD5(body) + `"`, tags: tags})
	return &s3.PutObjectOutput{ETag: &o.etag, VersionId: &o.id}, err
}

func (a *AWS) getObject(in *s3.GetObjectInput) (any, error) {
	o, err := a.find(*in.Key, in.VersionId)
	switch {
	case err != nil:
		return nil, err
	case in.IfMatch != nil && *in.IfMatch != o.etag:
		return nil, apiError(http.StatusPreconditionFailed, "PreconditionFailed")
	}
	return &s3.GetObjectOutput{
		Body: io.NopCloser(strings.NewReader(o.body)), ETag: &o.etag, VersionId: &o.id, LastModified: &o.modified,
		ContentLength: aws.Int64(int64(len(o.body))), ServerSideEncryption: types.ServerSideEncryptionAes256,
	}, nil
}

func (a *AWS) deleteObject(in *s3.DeleteObjectInput) (any, error) {
	if in.VersionId != nil {
		return nil, errors.New("this AWS does not delete versions")
	}
	there, found := a.newest(*in.Key)
	switch {
	case in.IfMatch != nil && !found:
		return nil, refused(http.StatusNotFound, &types.NoSuchKey{})
	case in.IfMatch != nil && *in.IfMatch != there.etag:
		return nil, apiError(http.StatusPreconditionFailed, "PreconditionFailed")
	}
	o := a.add(*in.Key, object{marker: true})
	return &s3.DeleteObjectOutput{DeleteMarker: aws.Bool(true), VersionId: &o.id}, nil
}

// listObjects returns one page, with what was asked for.
func (a *AWS) listObjects(in *s3.ListObjectsV2Input) *s3.ListObjectsV2Output {
	out := &s3.ListObjectsV2Output{Name: in.Bucket, EncodingType: in.EncodingType, KeyCount: aws.Int32(0), IsTruncated: aws.Bool(false)}
	after := aws.ToString(in.StartAfter)
	if in.ContinuationToken != nil {
		after = *in.ContinuationToken
	}
	for _, key := range a.keys(aws.ToString(in.Prefix), after) {
		o, there := a.newest(key)
		if !there {
			continue
		}
		if in.MaxKeys != nil && *out.KeyCount == *in.MaxKeys {
			out.IsTruncated, out.NextContinuationToken = aws.Bool(true), aws.String(after)
			break
		}
		after = key
		listed := encoded(key, in.EncodingType)
		*out.KeyCount++
		out.Contents = append(out.Contents, types.Object{Key: &listed, ETag: &o.etag, LastModified: &o.modified, Size: aws.Int64(int64(len(o.body)))})
	}
	return out
}

// keys are those with a prefix that come after one, in their order.
func (a *AWS) keys(prefix, after string) (keys []string) {
	for key := range a.objects {
		if strings.HasPrefix(key, prefix) && key > after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// encoded is a key as a listing gives it.
func encoded(key string, encoding types.EncodingType) string {
	if encoding != types.EncodingTypeUrl {
		return key
	}
	return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}

func (a *AWS) listVersions(in *s3.ListObjectVersionsInput) *s3.ListObjectVersionsOutput {
	out := &s3.ListObjectVersionsOutput{Name: in.Bucket, EncodingType: in.EncodingType, IsTruncated: aws.Bool(false)}
	for _, key := range a.keys(aws.ToString(in.Prefix), "") {
		all, listed := a.objects[key], encoded(key, in.EncodingType)
		for i, o := range slices.Backward(all) {
			latest := i == len(all)-1
			if o.marker {
				out.DeleteMarkers = append(out.DeleteMarkers, types.DeleteMarkerEntry{Key: &listed, VersionId: &o.id, IsLatest: &latest, LastModified: &o.modified})
			} else {
				out.Versions = append(out.Versions, types.ObjectVersion{Key: &listed, VersionId: &o.id, IsLatest: &latest, LastModified: &o.modified, ETag: &o.etag})
			}
		}
	}
	return out
}
