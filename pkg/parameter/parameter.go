// Package parameter reads values from SSM's parameter store: tokens, webhooks and
// settings that have no room in a function's environment. No error of it contains a value;
// each names its parameter.
package parameter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

// Client is the one call of SSM that it takes.
type Client interface {
	GetParameter(ctx context.Context, input *ssm.GetParameterInput, options ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

// Read gives the value of the parameter of that name, decrypted and without blanks around
// it. It asks for the name as it is given, then for its other form: a parameter in a
// hierarchy has a leading slash, which is easily left out.
func Read(ctx context.Context, client Client, name string) (string, error) {
	value, _, err := read(ctx, client, name)
	return value, err
}

// Secret is Read for a value that must stay secret. It warns where the parameter is no
// SecureString, since whoever may read plain parameters then knows it.
func Secret(ctx context.Context, client Client, name string) (string, error) {
	value, kind, err := read(ctx, client, name)
	if err == nil && kind != types.ParameterTypeSecureString {
		slog.WarnContext(ctx, "this parameter holds a secret: make it a SecureString", "parameter", name)
	}
	return value, err
}

func read(ctx context.Context, client Client, name string) (string, types.ParameterType, error) {
	other, slashed := strings.CutPrefix(name, "/")
	if !slashed {
		other = "/" + name
	}
	var first error
	for _, form := range []string{name, other} {
		out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &form, WithDecryption: aws.Bool(true)})
		switch {
		case err == nil && (out == nil || out.Parameter == nil): // a store that is not SSM may answer anything
			return "", "", fmt.Errorf("the parameter %s: the answer has no parameter in it", name)
		case err == nil:
			return strings.TrimSpace(aws.ToString(out.Parameter.Value)), out.Parameter.Type, nil
		case first == nil:
			first = err
		}
		if !missing(err) {
			first = err
			break
		}
	}
	return "", "", fmt.Errorf("the parameter %s: %w", name, first)
}

// missing says that there is no parameter of that name. ValidationException: a name with a
// slash inside must begin with one.
func missing(err error) bool {
	fault, ok := errors.AsType[smithy.APIError](err)
	return ok && (fault.ErrorCode() == "ParameterNotFound" || fault.ErrorCode() == "ValidationException")
}
