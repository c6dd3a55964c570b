package local

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/lockwarden/lockwarden/pkg/probe"
)

// Careless stands between a client and AWS, and makes S3 or DynamoDB a store that does not
// honour conditional requests, as some outside of AWS do not.
type Careless struct {
	Wire    Wire
	Ignores string // the header with the condition that is not looked at: If-Match or If-None-Match
	Of      string // the method whose condition is not looked at; empty: each
	Row     string // the call whose condition a table does not look at: PutItem or DeleteItem
	Denies  string // the method that is denied on the scratch objects of probes

	// DeletesNothing: a delete on condition of what is gone is answered as done.
	DeletesNothing bool

	probes atomic.Int32
}

// Do sends a request, without the condition that is ignored.
func (c *Careless) Do(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/"+probe.Prefix) {
		c.probes.Add(1)
		if r.Method == c.Denies {
			body := `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`
			return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		}
	}
	if c.Of == "" || c.Of == r.Method {
		r.Header.Del(c.Ignores)
	}
	if _, call, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); c.Row != "" && call == c.Row {
		if err := unconditional(r); err != nil {
			return nil, err
		}
	}
	response, err := c.Wire.Do(r)
	if err == nil && c.DeletesNothing && r.Method == http.MethodDelete && response.StatusCode == http.StatusNotFound {
		err = response.Body.Close()
		response = &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}
	}
	return response, err
}

// Probes is how many requests for scratch objects came.
func (c *Careless) Probes() int { return int(c.probes.Load()) }

// unconditional takes the condition out of a PutItem or a DeleteItem. Its names and values are of
// nothing else.
func unconditional(r *http.Request) error {
	var input map[string]json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		return err
	}
	for _, member := range []string{"ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"} {
		delete(input, member)
	}
	body, err := json.Marshal(input)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return err
}
