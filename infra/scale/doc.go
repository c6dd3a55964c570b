// Package scale is an AWS of any size in memory: lock tables of millions of rows,
// buckets of millions of keys, a ledger, CloudWatch and SNS, as much of each as the
// functions call. Rows and keys of the crowd are made when they are asked for, so that a
// world costs no memory; what is written is kept. It pages, filters and evaluates
// conditions as DynamoDB and S3 do, counts every call, and answers a call that it does
// not know with an error.
//
// It serves measurements and the laws on counted calls. Behaviour is tested against moto
// (package local), which knows more of AWS and is a thousand times slower.
package scale
