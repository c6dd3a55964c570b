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
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/pkg/signed"
)

// ID is the SDK's name for the service, for its endpoint and its credentials.
const ID = "SSM"

// Parameter is one of the store's.
type Parameter struct {
	Value string // decrypted
	Type  string // SecureString, or another
}

// SecureString is the type of a parameter whose value is encrypted.
const SecureString = "SecureString"

// Client is the one call of SSM that it takes. It fails with a smithy.APIError where SSM
// refuses.
type Client interface {
	GetParameter(ctx context.Context, name string) (Parameter, error)
}

// store is SSM itself.
type store struct{ service *signed.Service }

// New makes a client of the parameter store in the region of the configuration. The SDK's
// own takes two milliseconds of each start of a function (docs/adr/0017).
func New(cfg aws.Config) Client { return store{signed.New(cfg, ID, "ssm")} }

// GetParameter reads one parameter.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
func (s store) GetParameter(ctx context.Context, name string) (Parameter, error) {
	in := struct {
		Name           string
		WithDecryption bool
	}{name, true}
	var out struct{ Parameter *Parameter }
	if err := s.service.Read(ctx, "AmazonSSM.GetParameter", in, &out); err != nil {
		return Parameter{}, err
	}
	if out.Parameter == nil { // a store that is not SSM may answer anything
		return Parameter{}, errors.New("the answer has no parameter in it")
	}
	return *out.Parameter, nil
}

// Read returns the value of the parameter of that name, decrypted and without blanks around
// it. It asks for the name as it is given, then for its other form: a parameter in a
// hierarchy has a leading slash, which is easily left out.
func Read(ctx context.Context, client Client, name string) (string, error) {
	p, err := read(ctx, client, name)
	return p.Value, err
}

// Secret is Read for a value that must stay secret. It warns where the parameter is no
// SecureString, since whoever may read plain parameters then knows it.
func Secret(ctx context.Context, client Client, name string) (string, error) {
	p, err := read(ctx, client, name)
	if err == nil && p.Type != SecureString {
		slog.WarnContext(ctx, "this parameter holds a secret: make it a SecureString", "parameter", name)
	}
	return p.Value, err
}

func read(ctx context.Context, client Client, name string) (Parameter, error) {
	other, slashed := strings.CutPrefix(name, "/")
	if !slashed {
		other = "/" + name
	}
	var first error
	for _, form := range []string{name, other} {
		p, err := client.GetParameter(ctx, form)
		switch {
		case err == nil:
			p.Value = strings.TrimSpace(p.Value)
			return p, nil
		case first == nil:
			first = err
		}
		if !missing(err) {
			first = err
			break
		}
	}
	return Parameter{}, fmt.Errorf("the parameter %s: %w", name, first)
}

// missing reports whether there is no parameter of that name. ValidationException: a name with a
// slash inside must begin with one.
func missing(err error) bool {
	fault, ok := errors.AsType[smithy.APIError](err)
	return ok && (fault.ErrorCode() == "ParameterNotFound" || fault.ErrorCode() == "ValidationException")
}
