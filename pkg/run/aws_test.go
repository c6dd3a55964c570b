package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	cbtypes "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/smithy-go"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// factory is CodeBuild.
type factory struct {
	ids    []string // newest first
	builds map[string]cbtypes.Build
	fails  error
	pages  int
}

func (f *factory) ListBuilds(_ context.Context, in *codebuild.ListBuildsInput, _ ...func(*codebuild.Options)) (*codebuild.ListBuildsOutput, error) {
	if in.SortOrder != cbtypes.SortOrderTypeDescending {
		return nil, errors.New("not the newest first")
	}
	first, err := strconv.Atoi(cmp.Or(aws.ToString(in.NextToken), "0"))
	if err != nil {
		return nil, err
	}
	last := min(first+100, len(f.ids))
	f.pages++
	out := &codebuild.ListBuildsOutput{Ids: f.ids[first:last]}
	if last < len(f.ids) {
		out.NextToken = aws.String(fmt.Sprint(last))
	}
	return out, f.fails
}

func (f *factory) BatchGetBuilds(_ context.Context, in *codebuild.BatchGetBuildsInput, _ ...func(*codebuild.Options)) (*codebuild.BatchGetBuildsOutput, error) {
	out := &codebuild.BatchGetBuildsOutput{}
	for _, id := range in.Ids {
		if b, ok := f.builds[id]; ok {
			b.Id = &id
			out.Builds = append(out.Builds, b)
		}
	}
	return out, nil
}

func TestCodeBuildRuns(t *testing.T) {
	uuid := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	f := &factory{builds: map[string]cbtypes.Build{}}
	for n := range 700 {
		f.ids = append(f.ids, "infra:"+uuid(n))
	}
	f.builds["infra:"+uuid(0)] = cbtypes.Build{BuildStatus: cbtypes.StatusTypeInProgress}
	f.builds["infra:"+uuid(450)] = cbtypes.Build{BuildStatus: cbtypes.StatusTypeStopped, EndTime: &ended, Arn: aws.String("arn:aws:codebuild:eu-central-1:123456789012:build/infra:" + uuid(450))}
	f.builds["infra:"+uuid(2)] = cbtypes.Build{BuildStatus: cbtypes.StatusTypeFailed}
	f.builds["infra:"+uuid(3)] = cbtypes.Build{BuildStatus: "HIBERNATING", EndTime: &ended}
	f.builds["infra:"+uuid(600)] = cbtypes.Build{BuildStatus: cbtypes.StatusTypeFailed, EndTime: &ended}
	c := Clients{CodeBuild: func() CodeBuild { return f }, EC2: func() EC2 { return &fleet{} }}
	for n, want := range map[int]policy.RunStatus{0: policy.RunInProgress, 450: policy.RunEnded, 2: policy.RunUnknown, 3: policy.RunUnknown, 4: policy.RunUnknown, 600: policy.RunUnknown, 800: policy.RunUnknown} {
		f.pages = 0
		run := ask(t, Settings{AWS: true}, c, Named{Session: "AWSCodeBuild-" + uuid(n)})[0]
		if run.Source != policy.CodeBuild || run.ID != uuid(n) || run.Status != want || f.pages > buildPages || (want == policy.RunUnknown && run.Detail == "") {
			t.Errorf("%d: %+v after %d pages", n, run, f.pages)
		}
		if n == 450 && run.URL != "https://eu-central-1.console.aws.amazon.com/codesuite/codebuild/123456789012/projects/infra/build/infra:"+uuid(450) {
			t.Errorf("its page is %s", run.URL)
		}
	}
	f.fails = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "User: arn:aws:sts::123456789012:assumed-role/x is not authorized"}
	if run := ask(t, Settings{AWS: true}, c, Named{Session: "AWSCodeBuild-" + uuid(0)})[0]; run.Status != policy.RunUnknown || !strings.Contains(run.Detail, "AccessDenied") {
		t.Errorf("%+v", run)
	}
}

// fleet is EC2.
type fleet struct {
	instances []Instance
	fails     error
}

func (f *fleet) DescribeInstances(context.Context, []string) ([]Instance, error) {
	return f.instances, f.fails
}

func TestAHostIsNotARun(t *testing.T) {
	const id = "i-0123456789abcdef0"
	for name, tc := range map[string]struct {
		state, reason string
		earlier       *policy.Run
		status        policy.RunStatus
		ended         time.Time
	}{
		"terminated, with a time":                 {"terminated", "User initiated (2026-11-28 10:20:00 GMT)", nil, policy.RunEnded, ended},
		"terminated before the lock was taken":    {"terminated", "User initiated (2026-11-28 09:20:00 GMT)", nil, policy.RunUnknown, time.Time{}},
		"terminated, seen so now":                 {"terminated", "Server.SpotInstanceTermination", nil, policy.RunEnded, now},
		"terminated, first seen so earlier":       {"terminated", "", &policy.Run{Source: policy.EC2, ID: id, Status: policy.RunEnded, Ended: &ended}, policy.RunEnded, ended},
		"terminated, and earlier of another host": {"terminated", "", &policy.Run{Source: policy.EC2, ID: "i-1", Status: policy.RunEnded, Ended: &ended}, policy.RunEnded, now},
		"running":       {"running", "", nil, policy.RunUnknown, time.Time{}},
		"pending":       {"pending", "", nil, policy.RunUnknown, time.Time{}},
		"stopped":       {"stopped", "User initiated (2026-11-28 10:20:00 GMT)", nil, policy.RunUnknown, time.Time{}},
		"shutting down": {"shutting-down", "User initiated (2026-11-28 10:20:00 GMT)", nil, policy.RunUnknown, time.Time{}},
		"gone":          {"", "", nil, policy.RunUnknown, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fleet{}
			if tc.state != "" {
				f.instances = []Instance{{ID: id, Reason: tc.reason, State: tc.state}}
			}
			run := ask(t, Settings{AWS: true}, Clients{CodeBuild: func() CodeBuild { return &factory{} }, EC2: func() EC2 { return f }}, Named{Session: id, Earlier: tc.earlier})[0]
			if run.Source != policy.EC2 || run.ID != id || run.Status != tc.status || (tc.status == policy.RunEnded && !run.Ended.Equal(tc.ended)) || run.Detail == "" {
				t.Errorf("%+v", run)
			}
		})
	}
	f := &fleet{fails: &smithy.GenericAPIError{Code: "UnauthorizedOperation"}}
	if run := ask(t, Settings{AWS: true}, Clients{CodeBuild: func() CodeBuild { return &factory{} }, EC2: func() EC2 { return f }}, Named{Session: id})[0]; run.Status != policy.RunUnknown {
		t.Errorf("%+v", run)
	}
}
