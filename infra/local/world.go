package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// failing is the part of a *testing.T by which a World fails its test.
type failing interface {
	tester
	Errorf(format string, args ...any)
}

// World is a backend for one test: a place, and a second lock table. Its steps are those of
// clients, and fail the test where AWS refuses them.
type World struct {
	Place
	Other string      // ARN of the second table
	Set   backend.Set // of all of them

	t   failing
	aws *AWS
}

// NewWorld makes one in that AWS.
func NewWorld(t failing, in *AWS) *World {
	t.Helper()
	return NewWorldIn(t, in, fmt.Sprintf("w%d", time.Now().UnixNano()))
}

// NewWorldIn makes one whose bucket and first table have that name.
func NewWorldIn(t failing, in *AWS, name string) *World {
	t.Helper()
	w := &World{t: t, aws: in}
	var err error
	if w.Place, err = in.MakePlace(t.Context(), name); err == nil {
		if w.Other, err = in.MakeTable(t.Context(), w.Table+"-other", "LockID"); err == nil {
			w.Set, err = w.Open(in.Config())
		}
	}
	w.must(err)
	return w
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// Open opens the stores with other clients.
func (w *World) Open(cfg aws.Config) (backend.Set, error) {
	return backend.Open(cfg, []string{w.TableARN, w.Other}, []string{w.BucketARN})
}

// Put writes a state without its digest, and returns its version.
func (w *World) Put(key string, content []byte) (version string) {
	w.t.Helper()
	out, err := w.aws.S3().PutObject(context.Background(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: &key, Body: bytes.NewReader(content)})
	w.must(err)
	return aws.ToString(out.VersionId)
}

// Apply writes a state with its digest in the first table, and returns its version.
func (w *World) Apply(key string, content []byte) (version string) {
	w.t.Helper()
	version = w.Put(key, content)
	w.SetDigest(w.Table, key, MD5(content))
	return version
}

// Remove deletes a state: a delete marker is its newest version then.
func (w *World) Remove(key string) {
	w.t.Helper()
	_, err := w.aws.S3().DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &w.Bucket, Key: &key})
	w.must(err)
}

// SetDigest writes a digest into a table, or deletes it where the value is empty.
func (w *World) SetDigest(table, key, value string) {
	w.t.Helper()
	w.must(w.aws.SetDigest(context.Background(), table, string(w.Path(key)), value))
}

// Digests are those of both tables; empty: there is none.
func (w *World) Digests(key string) (values [2]string) {
	w.t.Helper()
	for i, t := range w.Set.Tables {
		var err error
		values[i], err = t.Digest(context.Background(), w.Path(key))
		w.must(err)
	}
	return values
}

// Lock takes the lock of a state in these stores.
func (w *World) Lock(key, id string, stores ...backend.Store) {
	w.t.Helper()
	w.must(TakeLock(context.Background(), w.Path(key), id, stores...))
}

// Holdings are all that is held, the tables first.
func (w *World) Holdings() (all []tflock.Holding) {
	w.t.Helper()
	for _, s := range w.Set.All() {
		for h, err := range s.Holdings(context.Background()) {
			w.must(err)
			all = append(all, h)
		}
	}
	return all
}

// Content is the state that clients read; false: there is none.
func (w *World) Content(key string) (content []byte, there bool) {
	w.t.Helper()
	body, err := w.Set.Buckets[0].ReadState(context.Background(), w.Path(key), "")
	if errors.Is(err, backend.ErrGone) {
		return nil, false
	}
	w.must(err)
	content, err = io.ReadAll(body)
	w.must(err)
	return content, true
}

// Readable fails the test unless clients can read a state now: either it is there and no
// digest says otherwise, or there is none of both.
func (w *World) Readable(key string) (there bool) {
	w.t.Helper()
	actual := "no state"
	content, there := w.Content(key)
	if there {
		actual = MD5(content)
	}
	for _, digest := range w.Digests(key) {
		if digest != "" && digest != actual {
			w.t.Errorf("%s: a client fails for ten seconds: digest %q, %s", key, digest, actual)
		}
	}
	return there
}

// Published are the messages of the topic.
func (w *World) Published() []Message {
	w.t.Helper()
	messages, err := w.aws.Published(w.Topic)
	w.must(err)
	return messages
}

// State is a sample that real clients wrote.
func State(t tester, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(Root(), "pkg", "tfstate", "testdata", name+".tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
