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

// runNames are what each system runs, for people.
var runNames = map[RunSource]string{GitHub: "GitHub run", GitLab: "GitLab run", CodeBuild: "CodeBuild build", EC2: "EC2 instance"}

// Name names the run for people, with its page where that is known.
func (r Run) Name() string {
	name := runNames[r.Source] + " " + r.ID
	if r.URL != "" {
		name += ", " + r.URL
	}
	return name
}

// Words say what is known of the run at a time.
func (r Run) Words(now time.Time) string {
	detail := func(otherwise string) string {
		if r.Detail == "" {
			return otherwise
		}
		return " (" + r.Detail + ")"
	}
	switch {
	case r.Status == RunEnded && r.Ended != nil:
		return "its run ended " + Words(now.Sub(*r.Ended)) + " ago, at " + Clock(*r.Ended) + detail("") + ": " + r.Name()
	case r.Status == RunInProgress:
		return "its run is in progress" + detail("") + ": " + r.Name()
	default:
		return "whether its run is over is not known" + detail("") + ": " + r.Name()
	}
}

// inProgress and ended say what is known of the run behind the lock.
func (c Case) inProgress() bool { return c.Run != nil && c.Run.Status == RunInProgress }

func (c Case) ended() bool { return c.Run != nil && c.Run.Status == RunEnded && c.Run.Ended != nil }
