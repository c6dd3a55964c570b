package probe

import (
	"errors"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// refused reports whether a condition was the reason: 412, or 409 where two requests meet.
func refused(err error) bool {
	code := status(err)
	return code == http.StatusPreconditionFailed || code == http.StatusConflict
}

// unsupported reports whether the store does not know such requests: 501, or 400 for a header
// that it does not take.
func unsupported(err error) bool {
	code := status(err)
	return code == http.StatusNotImplemented || code == http.StatusBadRequest
}

func missing(err error) bool { return status(err) == http.StatusNotFound }

// status is the HTTP status of the answer, or 0.
func status(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}

// cause is the store's own words, without the SDK's chain of operations.
func cause(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		text := api.ErrorCode()
		if api.ErrorMessage() != "" {
			text += ": " + api.ErrorMessage()
		}
		return errors.New(text)
	}
	return err
}
