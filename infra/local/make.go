package local

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/lockwarden/lockwarden/pkg/backend/contract"
)

// In is the same AWS in another region.
func (a *AWS) In(region string) *AWS {
	other := *a
	other.region = region
	return &other
}

// Through is the same AWS by another door, such as a proxy before it.
func (a *AWS) Through(endpoint string) *AWS {
	other := *a
	other.Endpoint = endpoint
	return &other
}

// At is an AWS, or a store beside it, that somebody else started, reached with these keys.
// What no API does (Published, Age, Contents and others) needs a server of Start's.
func At(endpoint, accessKey, secretKey string) *AWS {
	return &AWS{Endpoint: endpoint, caller: aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}, region: Region}
}

// With is the same AWS with tables and buckets elsewhere, as a store outside of AWS has them. An
// empty endpoint leaves them where they are.
func (a *AWS) With(tables, buckets string) *AWS {
	endpoints := map[string]string{}
	for service, endpoint := range map[string]string{dynamodb.ServiceID: tables, s3.ServiceID: buckets} {
		if endpoint != "" {
			endpoints[service] = endpoint
		}
	}
	return a.apartFrom(endpoints)
}

// MakeTable makes a table with these string keys, a hash key and at most one range
// key, and returns its ARN.
func (a *AWS) MakeTable(ctx context.Context, name string, keys ...string) (string, error) {
	return contract.MakeTable(ctx, a.Config(), name, keys...)
}

// MakeBucket makes a bucket, versioned where the AWS has versions, and returns its ARN.
func (a *AWS) MakeBucket(ctx context.Context, name string) (string, error) {
	return "arn:aws:s3:::" + name, contract.MakeBucket(ctx, a.Config(), name)
}

// MakeTopic makes a topic and gives its ARN.
func (a *AWS) MakeTopic(ctx context.Context, name string) (string, error) {
	out, err := sns.NewFromConfig(a.Config()).CreateTopic(ctx, &sns.CreateTopicInput{Name: &name})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.TopicArn), nil
}

// MakeRole makes a role with one managed policy, which anybody may assume, and gives
// its ARN.
func (a *AWS) MakeRole(ctx context.Context, name, policyARN string) (string, error) {
	client := iam.NewFromConfig(a.Config())
	out, err := client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`,
	)})
	if err != nil {
		return "", err
	}
	_, err = client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &policyARN})
	return aws.ToString(out.Role.Arn), err
}

// MakeSecret puts a SecureString into the parameter store.
func (a *AWS) MakeSecret(ctx context.Context, name, value string) error {
	_, err := ssm.NewFromConfig(a.Config()).PutParameter(ctx, &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: ssmtypes.ParameterTypeSecureString, Overwrite: aws.Bool(true),
	})
	return err
}

// S3 is a client for this AWS's buckets.
func (a *AWS) S3() *s3.Client {
	return s3.NewFromConfig(a.Config(), func(o *s3.Options) { o.UsePathStyle = true })
}
