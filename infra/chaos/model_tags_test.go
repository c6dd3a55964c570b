package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// tagging tags the lock object of its key. One that keeps the lock is noted by what it
// writes.
type tagging struct{ keeps bool }

const keepTag = "lockwarden:keep"

func (a tagging) run(p *process, cfg aws.Config) error {
	client, ctx, key := p.s3(cfg), context.Background(), aws.String(p.key+tflock.Suffix)
	there, err := client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &p.model.Bucket, Key: key})
	if err != nil {
		return err
	}
	tag := types.Tag{Key: aws.String("note"), Value: aws.String("x")}
	if a.keeps {
		tag.Key = aws.String(keepTag)
	}
	_, err = client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &p.model.Bucket, Key: key, Tagging: &types.Tagging{TagSet: append(there.TagSet, tag)}})
	return err
}

// untagging removes the tag that keeps a lock.
type untagging struct{}

func (untagging) run(p *process, cfg aws.Config) error {
	client, ctx, key := p.s3(cfg), context.Background(), aws.String(p.key+tflock.Suffix)
	there, err := client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &p.model.Bucket, Key: key})
	if err != nil {
		return err
	}
	_, err = client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &p.model.Bucket, Key: key, Tagging: &types.Tagging{
		TagSet: slices.DeleteFunc(there.TagSet, func(t types.Tag) bool { return *t.Key == keepTag }),
	}})
	return err
}

// keeping asks the unlock function that the lock of another process stays.
type keeping struct{ target int }

func (k keeping) run(p *process, cfg aws.Config) error {
	m := p.model
	client := m.processes[k.target]
	u, err := newUnlocker(m.world, cfg)
	if err != nil {
		return err
	}
	request, err := unlock.ParseRequest([]byte(fmt.Sprintf(`{"lock_id":%q,"path":%q,"requested_by":"me","keep":true}`, client.id, client.name())))
	if err != nil {
		return err
	}
	a, err := u.Run(context.Background(), request, "keep")
	if err == nil && a.Outcome == unlock.Kept {
		m.history.keep(string(client.name()))
	}
	return err
}

// acquireTagged takes the object of a lock with a tag that names its run.
func (p *process) acquireTagged(cfg aws.Config, raw []byte) error {
	tag := url.Values{"run": {p.model.ci.Session(p.tag)}}.Encode()
	_, err := p.s3(cfg).PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: &p.model.Bucket, Key: aws.String(p.key + tflock.Suffix), Body: strings.NewReader(string(raw)), IfNoneMatch: aws.String("*"), Tagging: &tag,
	})
	if err != nil && !p.dead {
		return &backend.HeldError{Store: p.model.BucketARN}
	}
	return err
}

// tagged notes that somebody changed the tags of a lock.
func (m *model) tagged(p *process) {
	switch a := p.actor.(type) {
	case tagging:
		if a.keeps {
			m.history.keep(string(m.Path(p.key)))
			return
		}
	case untagging:
		delete(m.history.kept, string(m.Path(p.key)))
	}
	m.history.touch(string(m.Path(p.key)))
}
