package unlock

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockwarden/lockwarden/pkg/plain"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// afterRelease says what to look for before the next apply.
func (u *Unlocker) afterRelease(ctx context.Context, d policy.Description) []string {
	var steps []string
	if d.Operation != tflock.OperationPlan {
		steps = append(steps, "Look for an errored.tfstate where the run died: if there is one, `terraform state push errored.tfstate` comes first.")
	}
	if w := d.Evidence.Written; w != nil && w.After(d.HeldSince) {
		steps = append(steps, fmt.Sprintf("The state was written during the lock (last at %s UTC): the run had begun to change things.", w.UTC().Format(time.DateTime)))
	}
	steps = append(steps, u.digestStep(ctx, tflock.Path(d.Path))...)
	steps = append(steps, u.notWatched(d)...)
	return append(steps, "Run `terraform plan`: resources that it wants to create may exist already, made by the dead run and never recorded; import those.")
}

// shellWarning is the step that goes with every answer about a lock whose ID or path is not plain: whoever takes a lock chooses both, and most that
// an answer asks for needs them once more.
func shellWarning(d *policy.Description) []string {
	if d == nil {
		return nil
	}
	warning := cmp.Or(plain.ShellWarning(d.ID), plain.ShellWarning(d.Path))
	if warning == "" {
		return nil
	}
	return []string{"The lock's ID or path has characters that a shell may misread." + warning}
}

// notWatched names the places where another half of the lock could be and nobody looks.
func (u *Unlocker) notWatched(d policy.Description) []string {
	var steps []string
	if len(u.Stores.Tables) == 0 && !slices.Contains(d.Holdings, tflock.DynamoDB) {
		steps = append(steps, "No lock table is watched: if the client also has dynamodb_table, a row of this lock may be left there; add the table to WatchTableArns.")
	}
	path := tflock.Path(d.Path)
	bucket := path.Bucket()
	switch {
	case strings.HasPrefix(bucket, "arn:") || strings.HasSuffix(bucket, "-s3alias"):
		steps = append(steps, "The path begins with an access point, and a lock object would be in the bucket behind it: if the client also has use_lockfile, look there for "+
			"this state's key with .tflock at its end.")
	case u.Stores.BucketOf(path) == nil:
		steps = append(steps, fmt.Sprintf("The bucket %s is not watched: if the client also has use_lockfile, an object of this lock may be left there; add the bucket to WatchBucketArns.", bucket))
	}
	return steps
}

// digestStep compares the digest that clients check with the state.
func (u *Unlocker) digestStep(ctx context.Context, path tflock.Path) []string {
	b := u.Stores.BucketOf(path)
	if b == nil {
		return []string{"Whether the digest matches the state was not checked: the bucket is not watched."}
	}
	actual, err := b.StateDigest(ctx, path)
	if err != nil {
		return []string{"Whether the digest matches the state could not be checked: " + err.Error()}
	}
	var steps []string
	for _, t := range u.Stores.Tables {
		digest, err := t.Digest(ctx, path)
		switch {
		case err != nil:
			steps = append(steps, "Whether the digest matches the state could not be checked: "+err.Error())
		case digest == "":
		case digest == actual:
			steps = append(steps, "The digest in the lock table matches the state: reads will work.")
		default:
			steps = append(steps, fmt.Sprintf("The digest in %s is %s, but the MD5 of the state is %s: a client that uses that table fails with \"state data in S3 does not have the expected content\". "+
				"If the state is the right one, set Digest of %s-md5 to the latter.", t.ARN(), plain.Quoted(digest), cmp.Or(actual, "none, since there is no state"), plain.Quoted(path)))
		}
	}
	return steps
}
