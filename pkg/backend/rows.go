package backend

import (
	"context"
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
			ProjectionExpression:     aws.String("#key, #info, #digest"),
			ExpressionAttributeNames: map[string]string{"#key": lockID, "#info": "Info", "#digest": "Digest"},
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

// rowOf tells locks and digests apart by their attributes: the key of a state may end in
// -md5 as the name of a digest does.
func rowOf(name string, item map[string]types.AttributeValue) (StateRow, bool) {
	if item["Info"] != nil {
		return StateRow{Path: tflock.Path(name)}, true
	}
	digest, _ := item["Digest"].(*types.AttributeValueMemberS)
	state := strings.TrimSuffix(name, digestSuffix)
	if digest == nil || digest.Value == "" || state == name {
		return StateRow{}, false
	}
	return StateRow{Path: tflock.Path(state), Digest: digest.Value}, true
}
