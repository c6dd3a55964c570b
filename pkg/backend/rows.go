package backend

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// StateRow is a row of a lock table that is about a state: its lock, or its digest.
type StateRow struct {
	Path   tflock.Path // bucket/key of the state, as the row's name has it; see tflock.Path.Clean
	Digest string      // empty for a lock
}

// Rows streams the locks and digests of a table, one page of at most 1 MB in memory at a
// time. Rows with neither an Info nor a Digest are passed over. It is eventually
// consistent, and ends after the first error, which is an *Error.
func (t *Table) Rows(ctx context.Context) iter.Seq2[StateRow, error] {
	return func(yield func(StateRow, error) bool) {
		for item, err := range t.scan(ctx, &dynamodb.ScanInput{
			ProjectionExpression: aws.String(clientAttributes), ExpressionAttributeNames: attributeNames,
		}) {
			if err == nil && item.lockID == "" {
				err = &Error{t.arn, errNotLockTable}
			}
			if err != nil {
				yield(StateRow{}, err)
				return
			}
			if row, ok := rowOf(item.lockID, item.attributes); ok && !yield(row, nil) {
				return
			}
		}
	}
}

// rowOf distinguishes locks from digests by their attributes: the key of a state may end in
// -md5 as the name of a digest does.
func rowOf(name string, item map[string]types.AttributeValue) (StateRow, bool) {
	if item["Info"] != nil {
		return StateRow{Path: tflock.Path(name)}, true
	}
	digest, _ := item["Digest"].(*types.AttributeValueMemberS)
	state := strings.TrimSuffix(name, tflock.DigestSuffix)
	if digest == nil || digest.Value == "" || state == name {
		return StateRow{}, false
	}
	return StateRow{Path: tflock.Path(state), Digest: BoundedDigest(digest.Value)}, true
}

// maxDigest is longer than any digest that a client writes, which is an MD5 in 32 hex digits.
const maxDigest = 64

// BoundedDigest returns a digest, or what stands for one of up to 400 KB that no client has
// written: as many such rows would fill every message and the memory. Two different ones stay different.
func BoundedDigest(value string) string {
	if len(value) <= maxDigest {
		return value
	}
	return fmt.Sprintf("no MD5, but %d bytes with the SHA-256 %x", len(value), sha256.Sum256([]byte(value)))
}
