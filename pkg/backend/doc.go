// Package backend reaches the places where locks live: DynamoDB lock tables and
// S3 state buckets. It lists holdings in streamed pages, reads one holding,
// takes a lock, and removes one on condition of the exact bytes that were read.
//
// It knows how AWS stores a lock, not what a lock means (package tflock) nor
// what should happen to it (package policy).
package backend
