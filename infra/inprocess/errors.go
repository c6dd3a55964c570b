package inprocess

import (
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// refused is an error as the SDK makes it of an answer.
func refused(status int, err error) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err}}
}

// apiError is one of S3's.
func apiError(status int, code string) error {
	return refused(status, &smithy.GenericAPIError{Code: code, Message: code})
}
