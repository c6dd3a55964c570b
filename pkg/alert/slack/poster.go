package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/cenkalti/backoff/v5"
)

// Poster posts what comes from the topic to the webhook.
type Poster struct {
	Secret   *Secret
	Renderer Renderer
	HTTP     *http.Client // see NewClient
	Log      *slog.Logger

	posted recent
}

// The time of an invocation. SNS delivers each message to an invocation of its own, so
// none waits for another.
const (
	// attempt is long, since a message that was posted and not answered in time would be
	// posted twice.
	attempt = 20 * time.Second
	// reserve is what is left of an invocation to say what went wrong.
	reserve = 3 * time.Second
	// withoutDeadline is for callers that set none, such as tests.
	withoutDeadline = 2 * time.Minute
)

// NewClient is for webhooks: it follows no redirect, since a redirected post becomes a
// GET that succeeds and says nothing.
func NewClient() *http.Client {
	return &http.Client{
		Timeout:       attempt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Handle posts the messages of one event of SNS. Its error is a *RefusedError, an
// *UnreachableError, or says what is wrong with the parameter; the event belongs into
// the dead-letter queue then. A message that this process has posted is not posted
// again.
func (p *Poster) Handle(ctx context.Context, event events.SNSEvent) error {
	var first error
	for _, record := range event.Records {
		if err := p.post(ctx, record.SNS); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (p *Poster) post(ctx context.Context, m events.SNSEntity) error {
	log := p.Log.With("message_id", m.MessageID)
	if p.posted.has(m.MessageID) {
		log.InfoContext(ctx, "posted already, so not again")
		return nil
	}
	body, err := json.Marshal(p.Renderer.Message(m.Subject, m.Message))
	if err != nil {
		return fmt.Errorf("render the message: %w", err)
	}
	started := time.Now()
	attempts, err := p.deliver(ctx, body)
	log = log.With("attempts", attempts, "seconds", time.Since(started).Seconds())
	if err != nil {
		_, permanent := errors.AsType[*RefusedError](err)
		log.ErrorContext(ctx, "not posted", "error", err, "permanent", permanent)
		return err
	}
	p.posted.add(m.MessageID)
	log.InfoContext(ctx, "posted")
	return nil
}

// deliver tries until the message is there, is refused permanently, or the time is up. It
// waits as long as Retry-After says, and gives up at once when that is too long.
func (p *Poster) deliver(ctx context.Context, body []byte) (attempts int, err error) {
	address, err := p.Secret.value(ctx)
	if err != nil {
		return 0, err
	}
	left := withoutDeadline
	if deadline, ok := ctx.Deadline(); ok {
		left = max(time.Until(deadline)-reserve, time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()

	var last error
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		attempts++
		var wait time.Duration
		wait, last = p.once(ctx, address, body)
		if last != nil && wait > 0 {
			return struct{}{}, &backoff.RetryAfterError{Duration: wait}
		}
		return struct{}{}, last
	}, backoff.WithBackOff(pauses()), backoff.WithMaxElapsedTime(left))
	if err == nil {
		return attempts, nil
	}
	if refused, ok := errors.AsType[*RefusedError](last); ok {
		p.Secret.forget()
		return attempts, refused
	}
	return attempts, &UnreachableError{Attempts: attempts, Cause: last.Error()}
}

func pauses() backoff.BackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.MaxInterval = time.Second, 2, 20*time.Second
	return b
}

// once makes one attempt. wait is what Retry-After asks for, and zero when it was not
// there.
func (p *Poster) once(ctx context.Context, address string, body []byte) (wait time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, backoff.Permanent(errors.New("the webhook's URL is not one that a request can be made of"))
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := p.HTTP.Do(request)
	if err != nil {
		return 0, errors.New(cause(err))
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	switch code := response.StatusCode; {
	case code >= 200 && code < 300:
		return 0, nil
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return retryAfter(response.Header.Get("Retry-After")), fmt.Errorf("it answered %d", code)
	default:
		return 0, backoff.Permanent(&RefusedError{Status: code, Word: word(answer)})
	}
}

// retryAfter reads the header: seconds, or a date. A second is the least, so that
// nobody is hammered.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return max(time.Duration(seconds)*time.Second, time.Second)
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(time.Until(date), time.Second)
	}
	return 0
}
