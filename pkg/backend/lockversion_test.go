package backend_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

// The writer of a lock object chooses its key. A bucket that refuses every read is a fault that
// people have to hear of; a key that one writer chose is not.
func TestALockObjectUnderAKeyOfItsWriterIsNoFailure(t *testing.T) {
	const byKey = "User: arn:aws:sts::123456789012:assumed-role/witness/x is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because no identity-based policy allows the kms:Decrypt action"
	for name, tc := range map[string]struct {
		status        int
		code, message string
		fails         bool
	}{
		"a key that the function may not use": {http.StatusForbidden, "AccessDenied", byKey, false},
		"a key that is disabled":              {http.StatusBadRequest, "KMS.DisabledException", "arn:aws:kms:us-east-1:1:key/k is disabled.", false},
		"a key that is about to be deleted":   {http.StatusBadRequest, "KMS.KMSInvalidStateException", "arn:aws:kms:us-east-1:1:key/k is pending deletion.", false},
		"KMS throttles":                       {http.StatusBadRequest, "KMS.ThrottlingException", "Rate exceeded", true},
		"a bucket that refuses":               {http.StatusForbidden, "AccessDenied", "Access Denied", true},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", tc.code, tc.message)
			}))
			t.Cleanup(endpoint.Close)
			cfg := server.Config()
			cfg.BaseEndpoint = &endpoint.URL
			cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
			_, known, err := backend.NewLockVersions(cfg).Read(t.Context(), "states", "a/terraform.tfstate.tflock", "v1", "e")
			if known || (err != nil) != tc.fails {
				t.Errorf("known %v, %v", known, err)
			}
		})
	}
}
