// Package journey takes the way of a user from end to end with the tools of a user: the
// AWS SAM CLI builds and deploys, a schedule runs the monitor, a real Terraform or OpenTofu
// dies, the alert arrives, its command is pasted into a shell with AWS CLI v2, and the next
// plan succeeds. The AWS is MiniStack, which nobody here wrote. Nothing here calls a
// function; what the engine cannot do is changed in a copy of the repository, see changes.
package journey
