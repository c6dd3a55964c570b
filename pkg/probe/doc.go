// Package probe finds out whether a store honours conditional requests, which every lock, every
// release and every prune rely on. It tries them on an object or a row of its own. Stores
// other than S3 and DynamoDB may ignore a condition and still answer that all went well.
//
// [Bucket] and [Table] probe; a [Report] says in words what holds.
package probe
