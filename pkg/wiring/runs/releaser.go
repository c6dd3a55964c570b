package runs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/wiring"
)

// Releaser invokes the unlock function for automatic releases.
type Releaser struct {
	cfg      aws.Config
	function string
}

// NewReleaser is for the unlock function of that name.
func NewReleaser(cfg aws.Config, function string) *Releaser { return &Releaser{cfg, function} }

// Release invokes the unlock function once for one lock, and waits for its answer. The
// SDK does not repeat the call: an answer that is lost waits for the next scan.
func (r *Releaser) Release(ctx context.Context, path, id, reason string) (outcome string, err error) {
	cfg, err := wiring.For(r.cfg, lambda.ServiceID)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(struct {
		LockID      string `json:"lock_id"`
		Path        string `json:"path"`
		Reason      string `json:"reason"`
		RequestedBy string `json:"requested_by"`
	}{id, path, reason, policy.AutoRequester})
	if err != nil {
		return "", err
	}
	client := lambda.NewFromConfig(cfg, func(o *lambda.Options) { o.Retryer = aws.NopRetryer{} })
	out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &r.function, InvocationType: types.InvocationTypeRequestResponse, Payload: payload})
	if err != nil {
		return "", fmt.Errorf("invoke %s for %s: %w", r.function, path, err)
	}
	if out.FunctionError != nil {
		return "", fmt.Errorf("%s failed for %s: %.500s", r.function, path, out.Payload)
	}
	var answer struct{ Outcome string }
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		return "", fmt.Errorf("the answer of %s for %s cannot be read: %w", r.function, path, err)
	}
	return answer.Outcome, nil
}
