// Package contract holds what package backend promises of lock tables and state buckets, as
// checks that run against any engine that speaks DynamoDB or S3, through its address.
//
// Each check gets a new, empty store and returns an error that says what does not hold. It
// knows the two APIs and package backend, and no engine: what an engine cannot do is decided
// by whoever runs the checks (package infra/engines).
package contract
