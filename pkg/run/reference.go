package run

import (
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
)

// Reference is a run that a name leads to.
type Reference struct {
	Source policy.RunSource
	// Project is GitHub's repository or GitLab's project: its number, or its path
	// (owner/repo). Empty for the other sources.
	Project string
	// ID is the run's: of GitHub a run's number, of GitLab a pipeline's or a job's, of
	// CodeBuild a build's UUID, of EC2 an instance's.
	ID string
	// Job says that ID is a GitLab job, and not a pipeline.
	Job bool
	// Attempt is GitHub's number of the attempt that took the lock; zero: not said.
	Attempt int
}

// Parse reads a session name, or a tag that is written like one:
//
//	gh-<repository id>-<run id>[-<attempt>]
//	GitLabRunner-<project id>-<pipeline id>
//	gitlab-<project id>-<pipeline id>[-<job id>]
//	AWSCodeBuild-<build uuid>
//	i-<instance id>
//
// It is false for any other text, which names no run. CodeBuild and EC2 make their names
// themselves; the others are set by a pipeline's role-session-name.
func Parse(text string) (Reference, bool) {
	if prefix, rest, ok := cutPrefix(text, "gh-", "gitlab-", "GitLabRunner-", "AWSCodeBuild-"); ok {
		switch prefix {
		case "gh-":
			return github(strings.Split(rest, "-"))
		case "AWSCodeBuild-":
			return Reference{Source: policy.CodeBuild, ID: rest}, isUUID(rest)
		default:
			return gitlab(strings.Split(rest, "-"), prefix == "gitlab-")
		}
	}
	if rest, ok := strings.CutPrefix(text, "i-"); ok && (len(rest) == 8 || len(rest) == 17) && isHex(rest) {
		return Reference{Source: policy.EC2, ID: text}, true
	}
	return Reference{}, false
}

func cutPrefix(text string, prefixes ...string) (prefix, rest string, ok bool) {
	for _, prefix := range prefixes {
		if rest, ok := strings.CutPrefix(text, prefix); ok {
			return prefix, rest, true
		}
	}
	return "", text, false
}

func github(parts []string) (Reference, bool) {
	if len(parts) < 2 || len(parts) > 3 || !allNumbers(parts) {
		return Reference{}, false
	}
	r := Reference{Source: policy.GitHub, Project: parts[0], ID: parts[1]}
	if len(parts) == 3 {
		r.Attempt = attempt(parts[2])
	}
	return r, true
}

func gitlab(parts []string, mayNameJob bool) (Reference, bool) {
	if len(parts) < 2 || len(parts) > 3 || (len(parts) == 3 && !mayNameJob) || !allNumbers(parts) {
		return Reference{}, false
	}
	return Reference{Source: policy.GitLab, Project: parts[0], ID: parts[len(parts)-1], Job: len(parts) == 3}, true
}

// maxDigits is how many digits a 64-bit number has at most.
const maxDigits = 19

// isNumber reports whether a text is a number as these systems write IDs: from 1 on, without
// leading zeros.
func isNumber(text string) bool {
	return text != "" && len(text) <= maxDigits && text[0] != '0' && strings.Trim(text, "0123456789") == ""
}

func allNumbers(parts []string) bool {
	for _, part := range parts {
		if !isNumber(part) {
			return false
		}
	}
	return true
}

// attempt is a number of attempts; one that is too large for any run counts as the largest.
func attempt(digits string) int {
	n := 0
	for _, d := range digits[:min(len(digits), 9)] {
		n = n*10 + int(d-'0')
	}
	return n
}

func isHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

// isUUID reports whether a text is a UUID in lower case.
func isUUID(text string) bool {
	parts := strings.Split(text, "-")
	if len(parts) != 5 {
		return false
	}
	for i, length := range []int{8, 4, 4, 4, 12} {
		if len(parts[i]) != length || !isHex(parts[i]) {
			return false
		}
	}
	return true
}
