package slack_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/pkg/alert/slack"
	"github.com/lockwarden/lockwarden/pkg/parameter"
)

const (
	secretPath = "T0SECRET/B0SECRET/wh00ks3cr3t"
	webhookURL = "https://hooks.slack.example/services/" + secretPath
)

// store is a parameter store.
type store struct {
	values map[string]parameter.Parameter // by name
	reads  int
}

func (s *store) GetParameter(_ context.Context, name string) (parameter.Parameter, error) {
	s.reads++
	p, ok := s.values[name]
	if !ok {
		return p, &smithy.GenericAPIError{Code: "ParameterNotFound", Message: "no " + name}
	}
	return p, nil
}

func secure(value string) parameter.Parameter {
	return parameter.Parameter{Type: parameter.SecureString, Value: value}
}

// channel is Slack's side of a webhook: it keeps what was posted, and when.
type channel struct {
	answers []answer // one for each post, then 200
	broken  error    // in place of an answer

	mu    sync.Mutex
	posts []string
	at    []time.Time
}

type answer struct {
	status     int
	retryAfter string
	body       string
}

func (c *channel) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var body []byte
	if r.Body != nil { // a redirect that was followed has none
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	c.posts, c.at = append(c.posts, string(body)), append(c.at, time.Now())
	if c.broken != nil {
		return nil, c.broken
	}
	w, a := httptest.NewRecorder(), answer{status: 200, body: "ok"}
	if n := len(c.posts) - 1; n < len(c.answers) {
		a = c.answers[n]
	}
	if a.retryAfter != "" {
		w.Header().Set("Retry-After", a.retryAfter)
	}
	if a.status >= 300 && a.status < 400 {
		w.Header().Set("Location", "https://elsewhere.example/")
	}
	w.WriteHeader(a.status)
	_, _ = w.WriteString(a.body)
	return w.Result(), nil
}

// world is a poster with both of its ends.
type world struct {
	*slack.Poster
	channel *channel
	store   *store
	log     *bytes.Buffer
}

func newWorld(answers ...answer) *world {
	w := &world{channel: &channel{answers: answers}, log: &bytes.Buffer{}}
	w.store = &store{values: map[string]parameter.Parameter{"/slack": secure(webhookURL)}}
	client := slack.NewClient()
	client.Transport = w.channel
	w.Poster = &slack.Poster{
		Secret: slack.NewSecret(w.store, "/slack"), HTTP: client, Log: slog.New(slog.NewJSONHandler(w.log, nil)),
		Renderer: slack.Renderer{Dashboard: "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/lockwarden"},
	}
	return w
}

func sns(id string) events.SNSEvent {
	return events.SNSEvent{Records: []events.SNSEventRecord{{SNS: events.SNSEntity{MessageID: id, Message: "hello"}}}}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// unknownAuthority is what the TLS client says of a certificate that nobody signed.
var unknownAuthority = &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}

// capture sends what is logged by default into the buffer too.
func capture(log *bytes.Buffer) (restore func()) {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(log, nil)))
	return func() { slog.SetDefault(before) }
}
