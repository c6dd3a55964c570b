package report

import (
	"regexp"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/run"
)

// madeUp are the session names that SDKs make up, again with each renewal of credentials: a
// time, alone or behind a prefix of the SDK or of what assumed the role.
//   - Go: package stscreds of aws-sdk-go-v2, `1700000000000000000` and `aws-go-sdk-1700000000000000000`
//   - Python and the AWS CLI: botocore/credentials.py, `botocore-session-1700000000`
//   - JavaScript, Java, PHP and .NET: `aws-sdk-js-session-…`, `aws-sdk-js-…`, `aws-sdk-java-…`, `aws-sdk-php-…`, `aws-dotnet-sdk-session-…`
//   - Rust: `web-identity-token-…`, `assume-role-…`
var madeUp = regexp.MustCompile(`^(aws-[a-z-]+-|AWS-CLI-session-|botocore-session-|web-identity-token-|assume-role-([a-z-]+-)?)?[0-9]{9,}$`)

// unnamed reports whether an SDK made up a session's name.
func unnamed(session string) bool { return madeUp.MatchString(session) }

// build is a session that is named after one build of Jenkins, as docs/witness.md says.
var build = regexp.MustCompile(`^jenkins-.+-[0-9]+$`)

// namesOne reports whether a session's name is that of one run, or of a person: IAM Identity
// Center names sessions after their users, mostly by mail address. Any other name may be
// shared: the default of an action (GitHubActions), a host (i-…) or a word that somebody
// configured, such as terraform. An IAM user has no session, and a CI system that uses one
// does so in all of its runs.
func namesOne(session string) bool {
	named, ok := run.Parse(session)
	return ok && named.Source != policy.EC2 || build.MatchString(session) || strings.Contains(session, "@")
}

// sameRole reports whether two principals are sessions of one role.
func sameRole(a, b string) bool {
	role := func(principal string) string { return strings.TrimSuffix(principal, policy.SessionOf(principal)) }
	return policy.SessionOf(a) != "" && role(a) == role(b)
}
