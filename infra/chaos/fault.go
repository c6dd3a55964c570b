package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// fault is one way in which a call, or the invocation at that call, goes wrong.
type fault int

// The ways. The last three are Lambda's.
const (
	none         fault = iota
	throttled          // refused: too many requests
	broken             // AWS's own error
	denied             // access denied
	garbled            // status 200, with a page of something else for an answer
	cutWithin          // the connection is cut in the middle of the answer
	cutBefore          // the connection is cut before the call has its effect
	cutAfter           // the connection is cut after it
	silent             // no answer until the deadline
	timedOut           // the invocation's time is up, and what does not heed that goes on
	killedBefore       // the process dies before the call has its effect
	killedAfter        // the process dies after it
	conflicting        // 409: S3 met another request for the object, and did nothing
	sentTwice          // the answer is lost, and the repeat meets what the call itself did
	rival              // another client's lock is in the place of the call just before it
	archivedAway       // an object that is archived
	keyRefused         // an object under a KMS key that we may not use
)

func (f fault) String() string {
	return [...]string{
		"none", "throttled", "500", "denied", "garbled", "cut-within", "cut-before", "cut-after", "silent", "timed-out", "killed-before", "killed-after", "conflict", "sent-twice", "rival", "archived", "no-key",
	}[f]
}

// lasting are the ways that a call fails in when the fault outlasts the SDK's patience;
// passing are those that the SDK must get over.
var (
	lasting = []fault{throttled, broken, denied, garbled, cutWithin, cutBefore, cutAfter, silent, timedOut, killedBefore, killedAfter}
	passing = []fault{throttled, broken, cutBefore, cutAfter}
	// unsettled are those after which a call that writes may have had its effect; they are
	// tried with reads that succeed and with reads that fail from then on.
	unsettled = []fault{broken, cutBefore, cutAfter, conflicting, sentTwice, rival}
)

// refusals are the codes and statuses with which each service refuses, as its own
// documentation lists them.
var refusals = map[string]map[fault]struct {
	status int
	code   string
}{
	"DynamoDB":   {throttled: {400, "ProvisionedThroughputExceededException"}, broken: {500, "InternalServerError"}, denied: {400, "AccessDeniedException"}},
	"S3":         {throttled: {503, "SlowDown"}, broken: {500, "InternalError"}, denied: {403, "AccessDenied"}, conflicting: {409, "ConditionalRequestConflict"}, archivedAway: {403, "InvalidObjectState"}, keyRefused: {403, "AccessDenied"}},
	"SNS":        {throttled: {400, "Throttling"}, broken: {500, "InternalError"}, denied: {403, "AuthorizationError"}},
	"CloudWatch": {throttled: {400, "Throttling"}, broken: {500, "InternalServiceError"}, denied: {403, "AccessDenied"}},
}

const message = "Lockwarden's chaos refuses this"

// refusal is the answer of a service that refuses, in its own format.
func refusal(f fault, service string, r *http.Request) *http.Response {
	how, known := refusals[service][f]
	if !known {
		panic("it is not known how " + service + " refuses: add it to refusals")
	}
	header, body := http.Header{}, ""
	switch service {
	case "DynamoDB":
		header.Set("Content-Type", "application/x-amz-json-1.0")
		header.Set("X-Amzn-Errortype", "com.amazonaws.dynamodb.v20120810#"+how.code)
		body = fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":%q}`, how.code, message)
	case "S3":
		header.Set("Content-Type", "application/xml")
		if r.Method != http.MethodHead { // its answer has no body
			body = fmt.Sprintf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>", how.code, message)
		}
	default:
		header.Set("Content-Type", "text/xml")
		kind := map[bool]string{true: "Receiver", false: "Sender"}[how.status >= 500]
		body = fmt.Sprintf("<ErrorResponse><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>f187a3c1-376f-11df-8963-01868b7c937a</RequestId></ErrorResponse>", kind, how.code, message)
	}
	return answer(r, how.status, header, body)
}

// garbage is what a broken proxy answers in AWS's place.
func garbage(r *http.Request) *http.Response {
	body := "<!DOCTYPE html><html><body><h1>It works!</h1></body></html>"
	if r.Method == http.MethodHead {
		body = ""
	}
	return answer(r, http.StatusOK, http.Header{"Content-Type": {"text/html"}}, body)
}

func answer(r *http.Request, status int, header http.Header, body string) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}
