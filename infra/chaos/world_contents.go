package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// contents are what is in the world at one moment, seen past the API.
type contents struct {
	locks   map[string]string // what each lock says, by its store and key
	digests map[string]string // by table and key
	newest  map[string]string // the bytes of a state's newest version, by key, a deleted one's as well
	deleted map[string]bool   // keys with a delete marker on top
	ledger  []map[string]string
}

func (w *world) dump() (local.Contents, error) {
	if w.engine != nil {
		return w.engine.Contents(), nil
	}
	return w.aws.Contents(w.Bucket)
}

func (w *world) published() ([]local.Message, error) {
	if w.engine != nil {
		return w.engine.Published(), nil
	}
	return w.aws.Published(w.Topic)
}

// stores are the contents without the ledger, which is most of what there is to copy.
func (w *world) stores() (contents, error) {
	if w.engine == nil {
		return w.contents()
	}
	return w.parse(w.engine.Contents(w.Ledger)), nil
}

func (w *world) contents() (contents, error) {
	all, err := w.dump()
	if err != nil {
		return contents{}, err
	}
	return w.parse(all), nil
}

func (w *world) parse(all local.Contents) contents {
	c := contents{locks: map[string]string{}, digests: map[string]string{}, newest: map[string]string{}, deleted: map[string]bool{}}
	for table, rows := range all.Rows {
		if table == w.Ledger {
			c.ledger = rows
			continue
		}
		for _, row := range rows {
			key := strings.TrimPrefix(row["LockID"], w.Bucket+"/")
			if digest, ok := row["Digest"]; ok {
				c.digests[table+" "+strings.TrimSuffix(key, "-md5")] = digest
			} else {
				c.locks[table+" "+key] = row["Info"]
			}
		}
	}
	seen := map[string]bool{}
	for _, v := range all.Versions {
		c.addVersion(v, !seen[v.Key])
		seen[v.Key] = true
	}
	return c
}

// addVersion adds a version of an object, the newest of each key first.
func (c contents) addVersion(v local.Version, newest bool) {
	key, isLock := strings.CutSuffix(v.Key, tflock.Suffix)
	switch {
	case isLock && newest && !v.Marker:
		c.locks[inBucket+" "+key] = v.Body
	case isLock:
	case v.Marker && newest:
		c.deleted[key] = true
	case !v.Marker:
		if _, found := c.newest[key]; !found {
			c.newest[key] = v.Body
		}
	}
}

func (c contents) String() string {
	return fmt.Sprintf("locks %q, digests %q, deleted %v", c.locks, c.digests, c.deleted)
}

// versions are the IDs of a key's versions and of its delete markers, the newest first.
func (w *world) versions(ctx context.Context, cfg aws.Config, key string) (versions, markers []string, err error) {
	out, err := s3For(cfg).ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &w.Bucket, Prefix: &key})
	if err != nil {
		return nil, nil, err
	}
	for _, v := range out.Versions {
		if *v.Key == key { // not that of its lock
			versions = append(versions, *v.VersionId)
		}
	}
	for _, m := range out.DeleteMarkers {
		if *m.Key == key {
			markers = append(markers, *m.VersionId)
		}
	}
	return versions, markers, nil
}
