// Command bench measures the functions as Lambda runs them: each as a whole process,
// cold, for one event, against an AWS of a chosen size (package scale). Beside them it
// measures a boto3 Lambda that does the plain part of the same work, an empty Go Lambda, and
// a Go Lambda that only loads the SDK. It prints one table; docs/measurements.md says how to
// read it.
package main
