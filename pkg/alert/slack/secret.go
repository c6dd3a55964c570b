package slack

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"github.com/lockwarden/lockwarden/pkg/parameter"
)

// Secret is the webhook's URL, in the parameter store. It is read when it is first
// needed and then kept, and read again only after Slack has refused it: somebody may
// have put a new one there.
type Secret struct {
	client parameter.Client
	name   string

	mu  sync.Mutex
	url string
}

// NewSecret is for the parameter of that name, with or without a leading slash.
func NewSecret(client parameter.Client, name string) *Secret {
	return &Secret{client: client, name: name}
}

// value returns the URL. No error of it has the URL in it.
func (s *Secret) value(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.url != "" {
		return s.url, nil
	}
	address, err := parameter.Secret(ctx, s.client, s.name)
	if err != nil {
		return "", fmt.Errorf("read the webhook's URL from %w", err)
	}
	// The error of url.Parse has the URL in it.
	if u, err := url.Parse(address); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return "", fmt.Errorf("the parameter %s holds no http or https URL: put the webhook's URL there", s.name)
	}
	s.url = address
	return address, nil
}

// forget makes the next call read the parameter again.
func (s *Secret) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.url = ""
}
