package backend

import (
	"context"
	"crypto/md5" //nolint:gosec // the clients' own digest is MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// Digest reads what the table says that the MD5 of a state is: the row
// `bucket/key-md5`, attribute `Digest`, which Terraform compares with the state on
// every read and which fails the run after ten seconds when they differ. Empty when
// there is none; a missing digest only makes a client warn.
func (t *Table) Digest(ctx context.Context, path tflock.Path) (string, error) {
	row, err := t.row(ctx, digestName(path))
	if err != nil {
		return "", &Error{t.arn, err}
	}
	digest, _ := row["Digest"].(*types.AttributeValueMemberS)
	if digest == nil {
		return "", nil
	}
	return digest.Value, nil
}

// perRead is DynamoDB's limit of rows in one BatchGetItem.
const perRead = 100

// Digests reads the digests of many paths at once, consistently. One that there is none
// of is not among them, and one that no client has written is as BoundedDigest gives it. It fails with *Error.
func (t *Table) Digests(ctx context.Context, paths []tflock.Path) (map[tflock.Path]string, error) {
	found := make(map[tflock.Path]string, len(paths))
	for some := range slices.Chunk(paths, perRead) {
		if err := t.digests(ctx, some, found); err != nil {
			return nil, &Error{t.arn, err}
		}
	}
	return found, nil
}

func (t *Table) digests(ctx context.Context, paths []tflock.Path, found map[tflock.Path]string) error {
	keys := make([]map[string]types.AttributeValue, len(paths))
	for i, path := range paths {
		keys[i] = lockKey(digestName(path))
	}
	ask := map[string]types.KeysAndAttributes{t.name: {
		Keys: keys, ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String(clientAttributes), ExpressionAttributeNames: attributeNames,
	}}
	for pause := 50 * time.Millisecond; ; pause *= 2 {
		out, err := t.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: ask})
		if err != nil {
			return err
		}
		for _, rows := range out.Responses { // of the one table, by whatever name
			addDigests(found, rows)
		}
		// DynamoDB reads what it can and hands the rest back; the SDK leaves that to us.
		if ask = out.UnprocessedKeys; len(ask) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("throttled: %w", ctx.Err())
		case <-time.After(pause):
		}
	}
}

// addDigests adds the digests of these rows, by the path of their state.
func addDigests(found map[tflock.Path]string, rows []map[string]types.AttributeValue) {
	for _, row := range rows {
		id, _ := row[lockID].(*types.AttributeValueMemberS)
		digest, _ := row["Digest"].(*types.AttributeValueMemberS)
		if id != nil && digest != nil {
			found[stateName(id.Value, false)] = BoundedDigest(digest.Value)
		}
	}
}

// DeleteDigest deletes the digest of a state on condition that it is still that value.
// A missing digest only makes a client warn, so this is safe for whoever reads the
// state next. It fails with ErrGone, *ChangedError or *Error.
func (t *Table) DeleteDigest(ctx context.Context, path tflock.Path, digest string) error {
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &t.name, Key: lockKey(digestName(path)),
		ConditionExpression:       aws.String("#digest = :digest AND attribute_not_exists(#info)"), // a row with Info is a lock, whatever its name
		ExpressionAttributeNames:  map[string]string{"#digest": "Digest", "#info": "Info"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":digest": &types.AttributeValueMemberS{Value: digest}},
	}, outlastTransactions)
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		there, err := t.afterRefusal(ctx, digestName(path), failed)
		switch {
		case err != nil:
			return err
		case there == nil:
			return ErrGone
		}
		return &ChangedError{}
	}
	if err != nil {
		return &Error{t.arn, err}
	}
	return nil
}

// ReplaceDigest sets the digest of a state on condition that it still has that value. It
// fails with ErrGone, *ChangedError or *Error.
func (t *Table) ReplaceDigest(ctx context.Context, path tflock.Path, old, digest string) error {
	_, err := t.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: lockKey(digestName(path)),
		UpdateExpression:          aws.String("SET #digest = :new"),
		ConditionExpression:       aws.String("#digest = :digest AND attribute_not_exists(#info)"), // as in DeleteDigest
		ExpressionAttributeNames:  map[string]string{"#digest": "Digest", "#info": "Info"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":digest": &types.AttributeValueMemberS{Value: old}, ":new": &types.AttributeValueMemberS{Value: digest}},
	}, outlastTransactions)
	if _, failed := errors.AsType[*types.ConditionalCheckFailedException](err); failed {
		// An answer that was lost and repeated by the SDK is success.
		switch now, err := t.Digest(ctx, path); {
		case err != nil:
			return err
		case now == digest:
			return nil
		case now == "":
			return ErrGone
		}
		return &ChangedError{}
	}
	if err != nil {
		return &Error{t.arn, err}
	}
	return nil
}

// RestoreDigest writes a digest back that DeleteDigest removed, unless there is a row of
// that name again: a client's own is newer. It fails with *Error.
func (t *Table) RestoreDigest(ctx context.Context, path tflock.Path, digest string) error {
	row := lockKey(digestName(path))
	row["Digest"] = &types.AttributeValueMemberS{Value: digest}
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.name, Item: row, ConditionExpression: aws.String("attribute_not_exists(LockID)")}, outlastTransactions)
	if _, there := errors.AsType[*types.ConditionalCheckFailedException](err); there || err == nil {
		return nil
	}
	return &Error{t.arn, err}
}

// StateDigest is the MD5 of the state's bytes in lower-case hex, streamed, from the first
// of its Objects that there is. Empty when there is no state. The ETag is no
// substitute: clients upload large states in parts.
func (b *Bucket) StateDigest(ctx context.Context, path tflock.Path) (string, error) {
	for _, stored := range path.Objects() {
		if digest, err := b.objectDigest(ctx, stored); digest != "" || err != nil {
			return digest, err
		}
	}
	return "", nil
}

func (b *Bucket) objectDigest(ctx context.Context, path tflock.Path) (string, error) {
	key := path.Key()
	out, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if noObject(err) {
		return "", nil
	}
	if err != nil {
		return "", &Error{b.arn, err}
	}
	defer out.Body.Close() //nolint:errcheck // nothing is lost with a body that was read
	sum := md5.New()       //nolint:gosec // the clients' own digest is MD5
	if _, err := io.Copy(sum, out.Body); err != nil {
		return "", &Error{b.arn, err}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// digestName is the LockID of a state's digest row.
func digestName(path tflock.Path) string { return string(path) + tflock.DigestSuffix }

// stateName returns the state's path as a row's name has it: the row of a digest ends in
// -md5, and so may the key of a lock's state.
func stateName(rowName string, isLock bool) tflock.Path {
	if isLock {
		return tflock.Path(rowName)
	}
	return tflock.Path(strings.TrimSuffix(rowName, tflock.DigestSuffix))
}
