package run

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lockwarden/lockwarden/pkg/parameter"
)

const (
	// callTime is how long one question may take.
	callTime = 2 * time.Second
	// maxBody is how much of an answer is read. GitHub's about a run takes some 30 KB.
	maxBody = 1 << 20
	// askedAtOnce is how many questions one host gets at once.
	askedAtOnce = 8
)

// NewClient makes the HTTP client for the CI systems. It follows no redirect and uses no
// proxy, so it calls the configured hosts and nothing else.
func NewClient() *http.Client {
	return &http.Client{
		Timeout:       callTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSHandshakeTimeout: callTime, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: askedAtOnce,
			MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		},
	}
}

// token is a secret in the parameter store, read when it is first needed.
type token struct {
	client parameter.Client
	name   string

	once  sync.Once
	value string
	err   error
}

func (t *token) get(ctx context.Context) (string, error) {
	t.once.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		t.value, t.err = parameter.Secret(ctx, t.client, t.name)
		if t.err == nil && (t.value == "" || strings.ContainsFunc(t.value, func(r rune) bool { return r <= ' ' || r > '~' })) {
			t.value, t.err = "", fmt.Errorf("the parameter %s holds no token: it is empty, or has blanks or other characters that no token has", t.name)
		}
	})
	return t.value, t.err
}

// web asks one CI system over HTTP.
type web struct {
	name   string // for people: GitHub
	site   site
	client *http.Client
	token  *token
	header func(h http.Header, token string) // what a question needs in its header
}

// get reads the JSON of one path below the API into an answer. Its error says in words why
// there is none. It contains nothing of the answer, which could repeat the token.
func (w *web) get(ctx context.Context, path string, into any) error {
	secret, err := w.token.get(ctx)
	if err != nil {
		return fmt.Errorf("the token for %s could not be read: %w", w.name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.site.api+path, nil)
	if err != nil {
		return fmt.Errorf("%s has no such address", w.name)
	}
	request.Header.Set("User-Agent", "lockwarden")
	w.header(request.Header, secret)
	response, err := w.client.Do(request)
	if err != nil {
		return w.failed(err)
	}
	defer response.Body.Close() //nolint:errcheck // nothing is lost with a body that was read
	if response.StatusCode != http.StatusOK {
		return w.refused(response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return w.failed(err)
	case len(body) > maxBody:
		return fmt.Errorf("the answer of %s is larger than any about a run", w.name)
	}
	if json.Unmarshal(body, into) != nil {
		return fmt.Errorf("the answer of %s is not what its API describes", w.name)
	}
	return nil
}

func (w *web) refused(code int) error {
	switch {
	case code == http.StatusUnauthorized:
		return fmt.Errorf("%s does not accept the token (401)", w.name)
	case code == http.StatusForbidden || code == http.StatusTooManyRequests:
		return fmt.Errorf("%s refused to answer: the token may not see the run, or has asked too often (%d)", w.name, code)
	case code == http.StatusNotFound:
		return fmt.Errorf("%s has no such run, or the token may not see it (404)", w.name)
	case code >= 300 && code < 400:
		return fmt.Errorf("%s redirects to another address, which is not followed (%d)", w.name, code)
	}
	return fmt.Errorf("%s answered with status %d", w.name, code)
}

func (w *web) failed(err error) error {
	connection, broken := errors.AsType[*net.OpError](err)
	_, unknownHost := errors.AsType[*net.DNSError](err)
	late, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), isNet && late.Timeout():
		return fmt.Errorf("%s did not answer in time", w.name)
	case unknownHost:
		return fmt.Errorf("the host name of %s was not found", w.name)
	case untrusted(err):
		return fmt.Errorf("the certificate of %s is not trusted", w.name)
	case broken && connection.Op == "dial":
		return fmt.Errorf("%s could not be reached: %w", w.name, connection)
	}
	return fmt.Errorf("the connection to %s broke, or its answer is not HTTP", w.name)
}

func untrusted(err error) bool {
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	return authority || host || invalid
}
