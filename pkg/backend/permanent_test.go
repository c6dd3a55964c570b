package backend_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

// A missing store has to be fixed by somebody; a throttle passes by itself.
func TestWhichFailuresPassByThemselves(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		code   string
		want   bool
	}{
		"no such table":                {http.StatusBadRequest, "ResourceNotFoundException", true},
		"no such bucket":               {http.StatusNotFound, "NoSuchBucket", true},
		"listing refused":              {http.StatusForbidden, "AccessDenied", true},
		"scanning refused":             {http.StatusBadRequest, "AccessDeniedException", true},
		"a refusal of an unknown kind": {http.StatusForbidden, "SomethingDenied", true},
		"a table of another schema":    {http.StatusBadRequest, "ValidationException", true},
		"a key that is disabled":       {http.StatusBadRequest, "KMS.DisabledException", true},
		"KMS throttles":                {http.StatusBadRequest, "KMS.ThrottlingException", false},
		"a throttle":                   {http.StatusBadRequest, "ThrottlingException", false},
		"a table that is too busy":     {http.StatusBadRequest, "ProvisionedThroughputExceededException", false},
		"a bucket that is too busy":    {http.StatusServiceUnavailable, "SlowDown", false},
		"an internal error":            {http.StatusInternalServerError, "InternalError", false},
		"credentials of a minute ago":  {http.StatusForbidden, "ExpiredToken", false},
		"a clock that is wrong":        {http.StatusForbidden, "RequestTimeTooSkewed", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range refusing(t, tc.status, tc.code).All() {
				for _, err := range s.Holdings(t.Context()) {
					if backend.Permanent(err) != tc.want {
						t.Errorf("%s: %v is permanent: %v", s.ARN(), err, !tc.want)
					}
				}
			}
		})
	}
	t.Run("no answer in time", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		for _, s := range refusing(t, http.StatusForbidden, "AccessDenied").All() {
			for _, err := range s.Holdings(ctx) {
				if backend.Permanent(err) {
					t.Errorf("%v is permanent", err)
				}
			}
		}
	})
}
