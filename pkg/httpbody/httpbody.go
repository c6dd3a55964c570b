// Package httpbody keeps the SDK from losing answers.
package httpbody

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Plain returns a client that hands on request bodies as readers alone.
//
// The SDK closes a request's body as soon as the head of the answer is there. net/http may
// still be about to look whether the body has an end; it asks by WriteTo where a body has
// that, and the SDK's closed body answers io.EOF there, which is an error of WriteTo and
// none of Read. net/http then closes the connection before the answer was read, and the
// SDK sends the request again: a conditional write that took effect finds its condition
// failed. On a busy machine one call in a thousand ends so. (Source: safeWriteToReadCloser
// of smithy-go 1.28 and transferWriter.writeBody of Go 1.26.)
//
// A nil client is the SDK's own.
func Plain(client aws.HTTPClient) aws.HTTPClient {
	if client == nil {
		client = awshttp.NewBuildableClient()
	}
	return plain{client}
}

type plain struct{ next aws.HTTPClient }

func (p plain) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return p.next.Do(r)
}
