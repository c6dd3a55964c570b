package backend

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// ErrGone says that what was to be removed or read is not there any more. For a
// removal that is success.
var ErrGone = errors.New("it is gone already")

// ChangedError says that something else stands where what was to be removed stood:
// another lock, a state that was written since, another digest. Nothing was touched.
type ChangedError struct {
	Now *tflock.Holding // the lock that is there now; nil when nobody could read it, or it is none
}

func (e *ChangedError) Error() string {
	if e.Now == nil || e.Now.Err != nil {
		return "it was changed in the meantime, and not touched"
	}
	return fmt.Sprintf("lock %q was taken here in the meantime; nothing was touched", e.Now.Info.ID)
}

// HeldError says that a lock could not be taken, since one is held.
type HeldError struct {
	Store string
	By    *tflock.Holding // nil when it was gone by the time it was looked at
}

func (e *HeldError) Error() string { return e.Store + ": a lock is held already" }

// Error is a failed call, with the place that it was for and what is likely wrong.
type Error struct {
	Store string // ARN
	Err   error
}

func (e *Error) Error() string {
	if hint := hint(e.Err); hint != "" {
		return e.Store + ": " + hint + " (" + cause(e.Err) + ")"
	}
	return e.Store + ": " + cause(e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Code is AWS's name for what is wrong, or empty.
func (e *Error) Code() string { return code(e.Err) }

// Refused reports whether AWS answered and will not do it, so that nothing has happened: any
// client error (4xx) except a throttle, a conflict and a timeout. After any other error the
// call may have had its effect, by an attempt whose answer was lost.
func (e *Error) Refused() bool {
	if _, unsettled := errors.AsType[*unsettledError](e.Err); unsettled {
		return false
	}
	if errors.Is(e.Err, ErrOverMarker) || errors.Is(e.Err, errGarbledKey) {
		return true
	}
	switch status(e.Err) {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusPreconditionFailed, http.StatusTooManyRequests:
		return false
	}
	_, throttled := retry.DefaultThrottleErrorCodes[e.Code()]
	_, passing := retry.DefaultRetryableErrorCodes[e.Code()]
	return status(e.Err)/100 == 4 && !throttled && !passing && e.Code() != transactionConflict
}

// transactionConflict is DynamoDB's code for a write of a row that a transaction is working on. See outlastTransactions.
const transactionConflict = "TransactionConflictException"

// unsettledError says that a conditional call was refused and that the look at what is
// there failed: an earlier attempt of the same call may have had its effect, or not.
type unsettledError struct {
	refused error // AWS's answer to the call
	look    error // why what is there could not be read
}

func (e *unsettledError) Error() string {
	return "the call met something else (" + code(e.refused) + "), and what is there now could not be read: " + cause(e.look)
}

func (e *unsettledError) Unwrap() error { return e.look }

// cause is the error's heart: AWS's code and message, without the SDK's chain of
// operations and request IDs.
func cause(err error) string {
	if unsettled, ok := errors.AsType[*unsettledError](err); ok {
		return unsettled.Error()
	}
	if search, ok := errors.AsType[*searchError](err); ok {
		return search.Error()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if api.ErrorMessage() == "" {
			return api.ErrorCode()
		}
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}

func hint(err error) string {
	switch code(err) {
	case "ResourceNotFoundException", "NoSuchBucket", "NotFound":
		return "it does not exist in that account and region: was it deleted, or is its ARN wrong?"
	case "AccessDenied", "AccessDeniedException", "Forbidden", "AllAccessDisabled":
		return "access denied: the function's role, the resource's policy or its KMS key does not allow it"
	case "KMS.DisabledException", "KMS.KMSInvalidStateException", "KMS.NotFoundException":
		return "its KMS key cannot be used"
	case transactionConflict:
		return errTransactions.Error()
	case "ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "SlowDown":
		return "throttled beyond all retries"
	case "ValidationException":
		return "it does not look like a lock table, whose key is LockID alone"
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case unlistable(err):
		return "the listing is not valid XML: a key in it has a character that its listings cannot carry; find it and rename it, since nothing beside it can be listed"
	case status(err) == http.StatusForbidden:
		return "access denied: the function's role, the resource's policy or its KMS key does not allow it"
	}
	return ""
}

// unlistable reports whether a listing has a character that XML cannot have, raw: of a key that the
// store does not encode although it is asked to (s3rver).
func unlistable(err error) bool {
	syntax, ok := errors.AsType[*xml.SyntaxError](err)
	return ok && strings.HasPrefix(syntax.Msg, "illegal character code")
}

// code is AWS's name for the error, or empty.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// status is the HTTP status that AWS answered with, or 0.
func status(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}

// noObject reports whether S3 has no such object. A 404 of any other kind, such as a missing
// bucket's or a proxy's, says nothing of the object.
func noObject(err error) bool {
	return code(err) == "NoSuchKey" || code(err) == "NoSuchVersion"
}
