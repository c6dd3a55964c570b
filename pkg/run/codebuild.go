package run

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// CodeBuild are the calls of CodeBuild that it takes.
type CodeBuild interface {
	ListBuilds(ctx context.Context, input *codebuild.ListBuildsInput, options ...func(*codebuild.Options)) (*codebuild.ListBuildsOutput, error)
	BatchGetBuilds(ctx context.Context, input *codebuild.BatchGetBuildsInput, options ...func(*codebuild.Options)) (*codebuild.BatchGetBuildsOutput, error)
}

const (
	// buildPages is how many pages of a hundred builds are searched, the newest first.
	buildPages = 5
	// maxBuilds is how many builds BatchGetBuilds takes.
	maxBuilds = 100
)

// builds asks CodeBuild about builds. A session name has a build's UUID, and a build's ID
// is PROJECT:UUID, so the newest builds are searched for it.
func builds(ctx context.Context, client CodeBuild, refs []Reference) map[Reference]status {
	found := make(map[Reference]status, len(refs))
	wanted := map[string]Reference{} // by UUID
	for _, r := range refs {
		wanted[r.ID] = r
		found[r] = unknown("CodeBuild has no such build among its newest ones in this region")
	}
	ids, err := findBuilds(ctx, client, wanted)
	if err != nil {
		return all(refs, awsProblem("CodeBuild", err))
	}
	for len(ids) > 0 {
		part := ids[:min(len(ids), maxBuilds)]
		ids = ids[len(part):]
		call, cancel := context.WithTimeout(ctx, callTime)
		out, err := client.BatchGetBuilds(call, &codebuild.BatchGetBuildsInput{Ids: part})
		cancel()
		for _, id := range part {
			r := wanted[buildUUID(id)]
			found[r] = unknown("CodeBuild does not describe that build")
			if err != nil {
				found[r] = unknown(awsProblem("CodeBuild", err))
			}
		}
		if err != nil {
			continue
		}
		for _, b := range out.Builds {
			if r, asked := wanted[buildUUID(aws.ToString(b.Id))]; asked {
				found[r] = buildStatus(b)
			}
		}
	}
	return found
}

// findBuilds returns the IDs of the builds with these UUIDs that are among the newest.
func findBuilds(ctx context.Context, client CodeBuild, wanted map[string]Reference) ([]string, error) {
	var ids []string
	input := &codebuild.ListBuildsInput{SortOrder: types.SortOrderTypeDescending}
	for range buildPages {
		call, cancel := context.WithTimeout(ctx, callTime)
		out, err := client.ListBuilds(call, input)
		cancel()
		if err != nil {
			return nil, err
		}
		for _, id := range out.Ids {
			if _, ok := wanted[buildUUID(id)]; ok {
				ids = append(ids, id)
			}
		}
		if input.NextToken = out.NextToken; aws.ToString(out.NextToken) == "" || len(ids) == len(wanted) {
			break
		}
	}
	return ids, nil
}

func buildUUID(id string) string { return id[strings.LastIndexByte(id, ':')+1:] }

func buildStatus(b types.Build) status {
	s := status{URL: buildPage(aws.ToString(b.Arn))}
	switch b.BuildStatus {
	case types.StatusTypeInProgress:
		s.State = policy.RunInProgress
	case types.StatusTypeSucceeded, types.StatusTypeFailed, types.StatusTypeFault, types.StatusTypeTimedOut, types.StatusTypeStopped:
		if b.EndTime == nil || b.EndTime.IsZero() {
			s.Detail = "it has ended, and when is not said"
			break
		}
		s.State, s.Ended, s.Detail = policy.RunEnded, b.EndTime.UTC(), word(strings.ToLower(string(b.BuildStatus)))
	default:
		s.Detail = "CodeBuild gives it a status that is not known here"
	}
	return s
}

// buildPage is the build's page in the console of its partition; empty where that is not
// known.
func buildPage(text string) string {
	a, err := arn.Parse(text)
	project, _, ok := strings.Cut(strings.TrimPrefix(a.Resource, "build/"), ":")
	domain, known := map[string]string{
		"aws": "console.aws.amazon.com", "aws-us-gov": "console.amazonaws-us-gov.com", "aws-cn": "console.amazonaws.cn",
	}[a.Partition]
	if err != nil || !ok || !known {
		return ""
	}
	return page("https://" + a.Region + "." + domain + "/codesuite/codebuild/" + a.AccountID + "/projects/" + project + "/" + a.Resource)
}
