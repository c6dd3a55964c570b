package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

type parameters interface {
	GetParameter(ctx context.Context, input *ssm.GetParameterInput, options ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

// Secret is the webhook's URL, in the parameter store. It is read when it is first
// needed and then kept, and read again only after Slack has refused it: somebody may
// have put a new one there.
type Secret struct {
	client parameters
	name   string

	mu  sync.Mutex
	url string
}

// NewSecret is for the parameter of that name, with or without a leading slash.
func NewSecret(client parameters, name string) *Secret { return &Secret{client: client, name: name} }

// value gives the URL. No error of it has the URL in it.
func (s *Secret) value(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.url != "" {
		return s.url, nil
	}
	p, err := s.read(ctx)
	if err != nil {
		return "", fmt.Errorf("read the webhook's URL from the parameter %s: %w", s.name, err)
	}
	if p.Type != types.ParameterTypeSecureString {
		slog.WarnContext(ctx, "the webhook's URL is a password: make its parameter a SecureString", "parameter", s.name)
	}
	address := strings.TrimSpace(aws.ToString(p.Value))
	// The error of url.Parse has the URL in it.
	if u, err := url.Parse(address); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return "", fmt.Errorf("the parameter %s holds no http or https URL: put the webhook's URL there", s.name)
	}
	s.url = address
	return address, nil
}

// read asks for the name as it was given, then for its other form: a parameter in a
// hierarchy has a leading slash, which is easily left out.
func (s *Secret) read(ctx context.Context) (*types.Parameter, error) {
	other, slashed := strings.CutPrefix(s.name, "/")
	if !slashed {
		other = "/" + s.name
	}
	var first error
	for _, name := range []string{s.name, other} {
		out, err := s.client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		if err == nil {
			return out.Parameter, nil
		}
		if first == nil {
			first = err
		}
		// ValidationException: a name with a slash inside must begin with one.
		if fault, ok := errors.AsType[smithy.APIError](err); !ok || (fault.ErrorCode() != "ParameterNotFound" && fault.ErrorCode() != "ValidationException") {
			return nil, err
		}
	}
	return nil, first
}

// forget makes the next call read the parameter again.
func (s *Secret) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.url = ""
}
