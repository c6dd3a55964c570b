// Package tflock knows what a Terraform or OpenTofu state lock is: the
// LockInfo that clients write, how a lock row differs from a digest row, where
// a .tflock object belongs, and how the text reads that a person pastes.
//
// It holds facts about the clients' protocol and nothing else: no AWS, no
// clock, no opinion on whether a lock is stuck. Standard library only.
package tflock
