package backend

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// errNotLockTable is the cause of an *Error for a table that clients cannot lock with.
var errNotLockTable = errors.New("it does not look like a lock table: the key of its rows is not LockID alone")

// Permanent reports whether the cause will not pass by itself, so that somebody should see
// to it at once: the table or bucket does not exist, the table is not a lock table, AWS
// refuses the call, or the KMS key cannot be used. A throttle, a timeout, a 5xx and
// everything that is not understood may pass.
func (e *Error) Permanent() bool {
	if errors.Is(e.Err, errNotLockTable) || errors.Is(e.Err, errOtherAccount) {
		return true
	}
	switch name := code(e.Err); {
	case isTransient(name):
		return false
	case slices.Contains(permanentCodes, name) || strings.HasPrefix(name, "KMS."):
		return true
	}
	return status(e.Err) == http.StatusForbidden
}

// permanentCodes are DynamoDB's and S3's codes of causes that stay, beside a 403.
var permanentCodes = []string{
	"ResourceNotFoundException", "NoSuchBucket", "NotFound",
	"AccessDenied", "AccessDeniedException", "Forbidden", "AllAccessDisabled", "ValidationException",
}

// Permanent reports whether any of the failures in err will not pass by itself: it looks for
// an *Error.
func Permanent(err error) bool {
	failed, ok := errors.AsType[*Error](err)
	return ok && failed.Permanent()
}
