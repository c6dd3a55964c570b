package backend

import (
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// sameTime is the difference of two clocks that is none: answers show a store's time in whole seconds, and take
// a while.
const sameTime = time.Minute

// inOurTime is a time of the store's clock by ours. In AWS the two are one. A store outside of it has a clock of
// its own, which may be behind: what it dates would pass for old, a lock of a moment ago among it.
func (b *Bucket) inOurTime(t time.Time, answer middleware.Metadata) time.Time {
	ahead, known := awsmiddleware.GetAttemptSkew(answer)
	if !known || ahead.Abs() <= sameTime || t.IsZero() || !b.conditions.distrusts(b.endpoint()) {
		return t
	}
	return t.Add(-ahead)
}
