package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

const rivalID = "77777777-2222-3333-4444-555555555555"

var rowOf = regexp.MustCompile(`"LockID":\{"S":"([^"]+)"`)

// targetOf is what a request is about: an object's path, or a row's.
func targetOf(r *http.Request) string {
	if path := strings.TrimPrefix(r.URL.Path, "/"); path != "" {
		return path
	}
	if row := rowOf.FindStringSubmatch(bodyOf(r)); row != nil {
		return row[1]
	}
	return ""
}

// ofLock reports whether a call writes or deletes one half of a lock.
func (s seen) ofLock() bool {
	switch {
	case s.is("S3", "PutObject", "DeleteObject"):
		return strings.HasSuffix(s.target, tflock.Suffix)
	case s.is("DynamoDB", "PutItem", "DeleteItem"):
		return s.target != "" && !strings.HasSuffix(s.target, "-md5")
	}
	return false
}

// rivalTakes puts the lock of another client where a call is about to write or delete one,
// in the place of what is there.
func (w *world) rivalTakes(c call, target string) error {
	key := strings.TrimSuffix(strings.TrimPrefix(target, w.Bucket+"/"), tflock.Suffix)
	info := clientLock(rivalID, key, w)
	raw, err := info.Marshal()
	if err != nil {
		return err
	}
	at := w.Table + " " + key
	if c.is("S3") {
		at = inBucket + " " + key
	}
	if w.first.locks[at] != "" && key != named {
		return nil // somebody else has it
	}
	if c.is("S3") {
		_, err = w.aws.S3().PutObject(context.Background(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: aws.String(key + tflock.Suffix), Body: strings.NewReader(string(raw))})
	} else {
		err = w.putRow(context.Background(), key, string(raw))
	}
	w.rivals[at] = string(raw)
	return err
}

// rivalsLeave has them unlock.
func (w *world) rivalsLeave() error {
	for at := range w.rivals {
		store, key, _ := strings.Cut(at, " ")
		var err error
		if store == inBucket {
			_, err = w.aws.S3().DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: aws.String(key + tflock.Suffix)})
		} else {
			_, err = dynamodb.NewFromConfig(w.aws.Config()).DeleteItem(context.Background(), &dynamodb.DeleteItemInput{
				TableName: &w.Table, Key: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: string(w.Path(key))}},
			})
		}
		if err != nil {
			return err
		}
		delete(w.rivals, at)
	}
	return nil
}

// bodyOf reads what a request carries, and leaves it there.
func bodyOf(r *http.Request) string {
	if r.Body == nil {
		return ""
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err) // it is in memory
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return string(body)
}
