package signed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go"
)

const (
	// attempts is how often a call that changes nothing is made, as the SDK's clients do, and
	// pause how long it waits before the second one.
	attempts = 3
	pause    = 100 * time.Millisecond
)

// Read makes a call that changes nothing of a service that speaks AWS's JSON 1.1, and
// decodes its answer. What may pass by itself it asks again. It fails with a
// smithy.APIError where the service refuses.
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
func (s *Service) Read(ctx context.Context, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		again, err := s.read(ctx, target, body, out)
		if err == nil || !again || attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(pause << (attempt - 1)):
		}
	}
}

func (s *Service) read(ctx context.Context, target string, body []byte, out any) (again bool, err error) {
	answer, err := s.Post(ctx, "/", map[string]string{"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}, body)
	if err != nil {
		return !errors.Is(err, errTooLarge) && ctx.Err() == nil, fmt.Errorf("%s: %w", target, err)
	}
	if answer.Status != http.StatusOK {
		fault := Fault(answer)
		return answer.Status >= http.StatusInternalServerError || answer.Status == http.StatusTooManyRequests || strings.Contains(fault.ErrorCode(), "Throttl"), fmt.Errorf("%s: %w", target, fault)
	}
	if json.Unmarshal(answer.Body, out) != nil {
		return false, fmt.Errorf("%s: its answer is not JSON that is understood", target)
	}
	return false, nil
}

// Fault is a refusal, as the SDK's clients describe it: its code and message.
func Fault(a Answer) smithy.APIError {
	var body struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"` // or Message: the names of fields match in any case
	}
	_ = json.Unmarshal(a.Body, &body) // what is not JSON says nothing
	code := body.Type
	if code == "" {
		code = body.Code
	}
	if code == "" {
		code = a.Header.Get("X-Amzn-Errortype")
	}
	// com.amazonaws.ssm#ParameterNotFound, and AccessDeniedException:http://internal.amazon.com/…
	code = code[strings.LastIndexByte(code, '#')+1:]
	code, _, _ = strings.Cut(code, ":")
	if code == "" {
		code = fmt.Sprintf("Status%d", a.Status)
	}
	return &smithy.GenericAPIError{Code: code, Message: body.Message}
}
