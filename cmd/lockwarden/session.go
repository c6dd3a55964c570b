package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/lockwarden/lockwarden/pkg/httpbody"
	"github.com/lockwarden/lockwarden/pkg/version"
)

// The outputs of the stack that name the functions.
const (
	monitorOutput = "MonitorFunctionName"
	unlockOutput  = "UnlockFunctionName"
	pruneOutput   = "PruneFunctionName"
	repairOutput  = "RepairFunctionName"
	consoleOutput = "ConsoleFunctionArn"
)

// answerTime is how long an answer is waited for: longer than the longest function runs,
// which is prune with 15 minutes.
const answerTime = 16 * time.Minute

// functionError is a failure of a function, or of the way to it: what it did is not
// known.
type functionError struct{ what string }

func (e *functionError) Error() string { return e.what }

// session invokes the functions of one stack.
type session struct {
	options
	terminal
	outputs map[string]string
	config  aws.Config
}

// configure reads the AWS configuration as the AWS CLI does.
func (s *session) configure(ctx context.Context) error {
	agent := awsmiddleware.AddUserAgentKeyValue("lockwarden", version.Current)
	load := []func(*config.LoadOptions) error{config.WithAPIOptions([]func(*middleware.Stack) error{agent})}
	if s.Region != "" {
		load = append(load, config.WithRegion(s.Region))
	}
	if s.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(s.Profile))
	}
	var err error
	if s.config, err = config.LoadDefaultConfig(ctx, load...); err != nil {
		return err
	}
	if s.config.Region == "" {
		return errors.New("no region: give --region, or set AWS_REGION")
	}
	s.config.HTTPClient = httpbody.Plain(s.config.HTTPClient)
	return nil
}

// open finds the stack.
func (s *session) open(ctx context.Context) error {
	err := s.configure(ctx)
	if err != nil {
		return err
	}
	s.outputs, err = findStack(ctx, cloudformation.NewFromConfig(s.config), s.Stack)
	return err
}

type stacks interface {
	DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, options ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
}

// findStack returns a stack's outputs. Where there is no such stack, the error names those
// that could be meant.
func findStack(ctx context.Context, client stacks, name string) (map[string]string, error) {
	out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if refused, ok := errors.AsType[smithy.APIError](err); ok && refused.ErrorCode() == "ValidationError" {
		return nil, noStack(ctx, client, name)
	}
	if err != nil {
		return nil, fmt.Errorf("stack %s cannot be described: %w", name, err)
	}
	for _, stack := range out.Stacks {
		outputs := map[string]string{}
		for _, o := range stack.Outputs {
			outputs[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
		}
		if outputs[unlockOutput] != "" {
			return outputs, nil
		}
	}
	return nil, noStack(ctx, client, name)
}

func noStack(ctx context.Context, client stacks, name string) error {
	var found []string
	pages := cloudformation.NewDescribeStacksPaginator(client, &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("there is no Lockwarden stack %s, and the other stacks cannot be listed: %w", name, err)
		}
		for _, stack := range page.Stacks {
			for _, o := range stack.Outputs {
				if aws.ToString(o.OutputKey) == unlockOutput {
					found = append(found, aws.ToString(stack.StackName))
				}
			}
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("there is no Lockwarden stack %s in this region, nor another: is the region right?", name)
	}
	slices.Sort(found)
	return fmt.Errorf("there is no Lockwarden stack %s in this region; there is %s: use --stack", name, strings.Join(found, ", "))
}

// invoke calls the function in that output, once: a call whose answer was lost may have
// done its work.
func (s *session) invoke(ctx context.Context, output string, request any) ([]byte, error) {
	if s.outputs == nil {
		if err := s.open(ctx); err != nil {
			return nil, err
		}
	}
	name := s.outputs[output]
	if name == "" {
		return nil, fmt.Errorf("stack %s has no output %s", s.Stack, output)
	}
	payload, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	client := lambda.NewFromConfig(s.config, func(o *lambda.Options) {
		o.Retryer = aws.NopRetryer{}
		o.HTTPClient = httpbody.Plain(awshttp.NewBuildableClient().WithTimeout(answerTime))
	})
	defer s.progress(name)()
	out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name, Payload: payload})
	if notInvoked(err) {
		return nil, fmt.Errorf("%s was not invoked, so nothing was done: %w", name, err)
	}
	if err != nil {
		return nil, &functionError{fmt.Sprintf("%s gave no answer, and whether it did its work is not known; repeating it is safe: %v", name, err)}
	}
	if out.FunctionError != nil {
		var failure struct{ ErrorMessage string }
		if json.Unmarshal(out.Payload, &failure) != nil || failure.ErrorMessage == "" {
			failure.ErrorMessage = "without a reason: see its log"
		}
		return nil, &functionError{fmt.Sprintf("%s failed: %s", name, failure.ErrorMessage)}
	}
	return out.Payload, nil
}

// notInvoked reports whether Lambda itself refused a call: it names the kind of its error, which a proxy on the way does not.
func notInvoked(err error) bool {
	response, answered := errors.AsType[*awshttp.ResponseError](err)
	refused, named := errors.AsType[smithy.APIError](err)
	if !answered || !named || response.Response == nil || response.Response.Header.Get("X-Amzn-ErrorType") == "" {
		return false
	}
	status := response.HTTPStatusCode()
	return status >= 400 && status < 500 && refused.ErrorFault() != smithy.FaultServer
}

// progress says on standard error that a call takes long, until it is stopped.
func (s *session) progress(name string) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	started := time.Now()
	go func() {
		defer close(ended)
		wait := time.NewTimer(3 * time.Second)
		defer wait.Stop()
		for {
			select {
			case <-done:
				return
			case <-wait.C:
				fmt.Fprintf(s.err, "waiting for %s, %s so far\n", name, time.Since(started).Round(time.Second))
				wait.Reset(10 * time.Second)
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// answer invokes a function and decodes what it says.
func (s *session) answer(ctx context.Context, output string, request, into any) ([]byte, error) {
	raw, err := s.invoke(ctx, output, request)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, &functionError{"the function's answer is none that this version knows: " + err.Error()}
	}
	return raw, nil
}
