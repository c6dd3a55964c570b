// Package metric names the metrics and sends them to CloudWatch in one call. None has
// a dimension: every combination of dimensions is billed as a metric of its own, so
// a path or a lock ID never becomes one.
package metric
