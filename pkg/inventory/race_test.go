//go:build race

package inventory_test

// raced is how many times smaller a test is under the race detector, which takes ten times the
// CPU: what it shows it shows at every size.
const raced = 4
