package backend

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Files are the objects of a bucket of our own.
type Files struct {
	client *s3.Client
	bucket string
}

// NewFiles opens the bucket of that name.
func NewFiles(cfg aws.Config, bucket string) *Files {
	return &Files{client: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil }), bucket: bucket}
}

// URL names a file as people do: s3://bucket/key.
func (f *Files) URL(key string) string { return "s3://" + f.bucket + "/" + key }

// OpenFile is a file that is being read.
type OpenFile struct {
	io.ReadCloser

	ETag     string
	Modified time.Time // when it was written, by S3's clock
}

// Read opens a file. It fails with ErrGone or *Error.
func (f *Files) Read(ctx context.Context, key string) (OpenFile, error) {
	out, err := f.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &f.bucket, Key: &key})
	switch {
	case noObject(err):
		return OpenFile{}, ErrGone
	case err != nil:
		return OpenFile{}, &Error{f.URL(key), err}
	}
	return OpenFile{out.Body, aws.ToString(out.ETag), aws.ToTime(out.LastModified)}, nil
}

// File is the content of a file, and what it is.
type File struct {
	Content  []byte
	Type     string // as in HTTP
	Encoding string // gzip, or empty
}

// Write writes a file, whatever was there.
func (f *Files) Write(ctx context.Context, key string, file File) error {
	_, err := f.put(ctx, key, file, func(*s3.PutObjectInput) {})
	return err
}

// Replace writes a file on condition that the one there has that ETag, or that there is
// none where the ETag is empty, and returns the new ETag. It fails with *ChangedError when
// something else is there, which may be what an earlier attempt of this call wrote; or with
// *Error.
func (f *Files) Replace(ctx context.Context, key, etag string, file File) (string, error) {
	return f.put(ctx, key, file, func(in *s3.PutObjectInput) {
		if etag == "" {
			in.IfNoneMatch = aws.String("*")
		} else {
			in.IfMatch = &etag
		}
	})
}

func (f *Files) put(ctx context.Context, key string, file File, condition func(*s3.PutObjectInput)) (string, error) {
	in := &s3.PutObjectInput{Bucket: &f.bucket, Key: &key, Body: bytes.NewReader(file.Content), ContentType: &file.Type, ChecksumAlgorithm: checksum}
	if file.Encoding != "" {
		in.ContentEncoding = &file.Encoding
	}
	condition(in)
	out, err := f.client.PutObject(ctx, in)
	switch {
	case conflicts(err), noObject(err):
		return "", &ChangedError{}
	case err != nil:
		return "", &Error{f.URL(key), err}
	case aws.ToString(out.ETag) == "":
		return "", &Error{f.URL(key), errors.New("the store gave no ETag")}
	}
	return aws.ToString(out.ETag), nil
}
