package inprocess

import (
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/expression"
	"github.com/lockwarden/lockwarden/infra/local"
)

type item map[string]ddb.AttributeValue

// rows are a table's. They are never changed, but replaced.
type rows struct {
	keys []string // hash, and range where there is one
	all  map[string]item
}

func (a *AWS) createTable(in *dynamodb.CreateTableInput) *dynamodb.CreateTableOutput {
	t := &rows{all: map[string]item{}}
	for _, key := range in.KeySchema {
		t.keys = append(t.keys, *key.AttributeName)
	}
	a.tables[*in.TableName] = t
	return &dynamodb.CreateTableOutput{TableDescription: describeTable(&dynamodb.DescribeTableInput{TableName: in.TableName}).Table}
}

func describeTable(in *dynamodb.DescribeTableInput) *dynamodb.DescribeTableOutput {
	return &dynamodb.DescribeTableOutput{Table: &ddb.TableDescription{TableStatus: ddb.TableStatusActive, TableArn: aws.String("arn:aws:dynamodb:" + local.Region + ":123456789012:table/" + *in.TableName)}}
}

// table finds one by its name or ARN.
func (a *AWS) table(name *string) (*rows, error) {
	short := aws.ToString(name)
	if i := strings.LastIndex(short, "/"); i >= 0 {
		short = short[i+1:]
	}
	if t, found := a.tables[short]; found {
		return t, nil
	}
	return nil, refused(http.StatusBadRequest, &ddb.ResourceNotFoundException{Message: aws.String("Requested resource not found: " + short)})
}

func (t *rows) id(of item) string {
	parts := make([]string, len(t.keys))
	for i, key := range t.keys {
		parts[i] = flatten(of[key])
	}
	return strings.Join(parts, "\x00")
}

// value is that of an attribute as expressions see it.
func (i item) value(name string) (expression.Value, bool) {
	v, there := i[name]
	_, number := v.(*ddb.AttributeValueMemberN)
	return expression.Value{Text: flatten(v), Number: number}, there
}

func flatten(v ddb.AttributeValue) string {
	switch v := v.(type) {
	case *ddb.AttributeValueMemberS:
		return v.Value
	case *ddb.AttributeValueMemberN:
		return v.Value
	}
	return ""
}
