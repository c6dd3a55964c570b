package backend

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// errNotLockTable is the cause of an *Error for a table that clients cannot lock with.
var errNotLockTable = errors.New("it does not look like a lock table: rows there are not keyed by LockID alone")

// Permanent says whether the cause will not pass by itself, so that somebody should see
// to it at once: the table or bucket does not exist, the table is not a lock table, AWS
// refuses the call, or the KMS key cannot be used. A throttle, a timeout, a 5xx and
// everything that is not understood may pass.
func (e *Error) Permanent() bool {
	if errors.Is(e.Err, errNotLockTable) {
		return true
	}
	switch name := code(e.Err); {
	case slices.Contains(permanentCodes, name):
		return true
	case slices.Contains(passingCodes, name):
		return false
	case strings.HasPrefix(name, "KMS."):
		return name != "KMS.ThrottlingException" && name != "KMS.InternalException"
	}
	return status(e.Err) == http.StatusForbidden
}

var (
	// permanentCodes are DynamoDB's and S3's codes of causes that stay.
	permanentCodes = []string{
		"ResourceNotFoundException", "NoSuchBucket", "NotFound",
		"AccessDenied", "AccessDeniedException", "Forbidden", "AllAccessDisabled", "ValidationException",
	}
	// passingCodes are those that are answered with 403 and pass: credentials of a Lambda are
	// renewed, and clocks are set.
	passingCodes = []string{"ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeTooSkewed", "SlowDown"}
)

// Permanent says whether any of the failures in err will not pass by itself: it looks for
// an *Error.
func Permanent(err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && failed.Permanent()
}
