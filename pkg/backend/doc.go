// Package backend reaches the watched stores: DynamoDB lock tables and S3 state buckets.
//
//   - Locks: it lists holdings in streamed pages, reads one, takes a lock, and removes one on
//     condition of the exact bytes that were read (table, bucket, listing, lockobject, acquire).
//   - States: it lists, reads, writes, deletes and restores them and their versions, and says when
//     one was written (state, statewrite, statereplace, versions, times).
//   - Digests: it reads and writes the MD5 that a lock table has of a state (digest).
//   - The rest: tags of a lock object, the files of the report bucket, what patterns match, and
//     whether a store honours conditions (tags, files, pattern, conditions).
//
// It knows how AWS stores a lock, not what a lock means (package tflock) nor
// what should happen to it (package policy).
package backend
