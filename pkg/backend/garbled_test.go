package backend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/backend"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// proxy answers everything with a page of its own, as some do that stand in between.
type proxy struct{}

func (proxy) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<html><body>It works!</body></html>")), Request: r}, nil
}

// The SDK takes any document for an S3 answer in which everything is absent: no locks, no
// states, no tags. Nothing of that may be believed.
func TestAPageInS3sPlaceIsNoAnswer(t *testing.T) {
	cfg := server.Config()
	cfg.HTTPClient = proxy{}
	set, err := backend.Open(cfg, nil, []string{"arn:aws:s3:::b"})
	if err != nil {
		t.Fatal(err)
	}
	b, ctx := set.Buckets[0], t.Context()
	for name, ask := range map[string]func() error{
		"locks": func() error {
			for _, err := range b.Holdings(ctx) {
				return err
			}
			return nil
		},
		"states": func() error {
			for _, err := range b.Objects(ctx, "", "") {
				return err
			}
			return nil
		},
		"when a state was written": func() error { _, err := b.StateWritten(ctx, "b/k"); return err },
		"the versions of a state": func() error {
			if _, _, err := b.LastVersion(ctx, "b/k"); !errors.Is(err, backend.ErrGone) {
				return err
			}
			return nil
		},
		"tags":         func() error { _, err := b.Tagged(ctx, "b/k", "keep"); return err },
		"a lock taken": func() error { _, err := b.Acquire(ctx, "b/k", []byte("{}")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			if err := ask(); err == nil || !strings.Contains(err.Error(), "does not come from S3") {
				t.Errorf("got %v", err)
			}
		})
	}
	if versioned, err := b.Versioned(ctx); err != nil || versioned {
		t.Errorf("a bucket that does not say so is not versioned: %v, %v", versioned, err)
	}
}

// loser loses the answer to the first write, which had its effect: the SDK repeats it.
type loser struct {
	next aws.HTTPClient
	lost bool
}

func (l *loser) Do(r *http.Request) (*http.Response, error) {
	response, err := l.next.Do(r)
	if err == nil && r.Method == http.MethodPut && !l.lost {
		l.lost = true
		return nil, errors.Join(errors.New("connection reset by peer"), response.Body.Close())
	}
	return response, err
}

func TestAStateThatIsOurOwnIsWritten(t *testing.T) {
	name := "lost-answers"
	arn, err := server.MakeBucket(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for i, lost := range []bool{true, false} {
		cfg := server.Config()
		cfg.HTTPClient = &loser{cfg.HTTPClient, !lost}
		set, err := backend.Open(cfg, nil, []string{arn})
		if err != nil {
			t.Fatal(err)
		}
		b, path := set.Buckets[0], fmt.Sprintf("%s/%d", name, i)
		version, err := b.WriteState(context.Background(), tflock.Path(path), []byte("ours"), backend.Encryption{})
		if err != nil || version == "" {
			t.Errorf("lost %v: %q, %v", lost, version, err)
		}
		if state, err := b.ReadState(t.Context(), tflock.Path(path), version); err != nil {
			t.Error(err)
		} else if text, err := io.ReadAll(state); err != nil || !bytes.Equal(text, []byte("ours")) {
			t.Errorf("%q, %v", text, err)
		}
		for _, other := range []string{"other", "ours, and more", "our"} {
			if _, err := b.WriteState(t.Context(), tflock.Path(path), []byte(other), backend.Encryption{}); !errors.Is(err, backend.ErrExists) {
				t.Errorf("%q over ours: %v", other, err)
			}
		}
	}
}
