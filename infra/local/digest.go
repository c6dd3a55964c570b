package local

import (
	"context"
	"crypto/md5" //nolint:gosec // the clients' own digest is MD5
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// MD5 is the digest that clients write of a state with these bytes.
func MD5[T string | []byte](state T) string {
	sum := md5.Sum([]byte(state)) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}

func digestKey(path string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: path + "-md5"}}
}

// Digest is what a lock table has of the state of that path (bucket/key); empty: nothing.
func (a *AWS) Digest(ctx context.Context, table, path string) (string, error) {
	out, err := dynamodb.NewFromConfig(a.Config()).GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: digestKey(path), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return "", err
	}
	value, _ := out.Item["Digest"].(*types.AttributeValueMemberS)
	if value == nil {
		return "", nil
	}
	return value.Value, nil
}

// SetDigest writes the digest of a state, as a client does, or deletes it where the value is
// empty.
func (a *AWS) SetDigest(ctx context.Context, table, path, value string) error {
	client, row := dynamodb.NewFromConfig(a.Config()), digestKey(path)
	if value == "" {
		_, err := client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: row})
		return err
	}
	row["Digest"] = &types.AttributeValueMemberS{Value: value}
	_, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: row})
	return err
}
