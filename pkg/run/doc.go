// Package run finds out which CI run is behind a lock, and whether it has ended.
//
// A session name or the lock object's tag `run` names the run: see Parse. An Asker asks
// GitHub, GitLab, CodeBuild or EC2 about it. Both the names and the answers are chosen by
// others, so they are read strictly, only the configured hosts are called, no redirect is
// followed, and whatever is not understood is unknown. "It ended", "it is in progress" and
// "it is unknown" are three different answers; only the first two prove anything.
//
// The package decides nothing about locks: policy does, with what it finds.
package run
