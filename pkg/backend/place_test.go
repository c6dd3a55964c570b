package backend_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/backend"
)

// script answers some requests as AWS or another store may; the rest go to the local AWS.
type script struct {
	wire   local.Wire
	answer func(r *http.Request) *http.Response // nil: send it
}

func (s *script) Do(r *http.Request) (*http.Response, error) {
	if answer := s.answer(r); answer != nil {
		answer.Request = r
		return answer, nil
	}
	return s.wire.Do(r)
}

func xmlError(status int, code string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<Error><Code>" + code + "</Code><Message>no</Message></Error>"))}
}

func jsonError(code string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"no"}`)),
	}
}

// place is a table and a bucket of one name, seen through a script.
type place struct {
	*testing.T
	name    string
	plain   backend.Set
	through backend.Set
}

func newPlace(t *testing.T, answer func(r *http.Request) *http.Response) place {
	t.Helper()
	p := place{T: t, name: fmt.Sprintf("u%d", time.Now().UnixNano())}
	table, err := server.MakeTable(t.Context(), p.name, "LockID")
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := server.MakeBucket(t.Context(), p.name)
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.ConfigOver(&local.Wire{})
	cfg.HTTPClient = &script{answer: answer}
	for set, c := range map[*backend.Set]aws.Config{&p.plain: server.Config(), &p.through: cfg} {
		if *set, err = backend.Open(c, []string{table}, []string{bucket}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p place) path() string { return p.name + "/a/terraform.tfstate" }

func (p place) digest(value string) {
	p.Helper()
	if err := server.SetDigest(context.Background(), p.name, p.path(), value); err != nil {
		p.Fatal(err)
	}
}
