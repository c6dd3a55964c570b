package policy

import "time"

// Run is the CI run behind a lock, as the system that runs it describes it: the `run`
// of a lock's JSON. Who can assume the role chooses the session name or the tag that
// leads to it, so it is shown as text and trusted no further than SECURITY.md says.
type Run struct {
	Source RunSource  `json:"source"`
	ID     string     `json:"id"`            // of GitHub the run's, of GitLab the pipeline's or job's, of CodeBuild the build's UUID, of EC2 the instance's
	URL    string     `json:"url,omitempty"` // its page, for people
	Status RunStatus  `json:"status"`
	Ended  *time.Time `json:"ended_at,omitempty"` // only where Status is RunEnded
	// Detail says how it ended, what it is doing, or why its status is not known; it may
	// be empty.
	Detail string `json:"-"`
}

// RunSource is the system that a run belongs to.
type RunSource string

// The systems whose runs can be looked up.
const (
	GitHub    RunSource = "github"
	GitLab    RunSource = "gitlab"
	CodeBuild RunSource = "codebuild"
	EC2       RunSource = "ec2"
)

// RunStatus is what is known of a run. An error, a timeout and an answer that nobody
// understands are all RunUnknown, which proves nothing.
type RunStatus string

// What can be known of a run.
const (
	RunUnknown    RunStatus = "unknown"
	RunInProgress RunStatus = "in_progress"
	RunEnded      RunStatus = "ended"
)
