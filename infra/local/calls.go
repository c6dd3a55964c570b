package local

import (
	"iter"
	"os"
)

// Calls are the numbers of the calls that a test has go wrong, one after the other, until
// it stops asking. `make chaos` has each of them go wrong (LOCKWARDEN_CALLS=each);
// otherwise it is every third, and another third for each variant of the test.
func Calls(variant int) iter.Seq[int] {
	first, step := 1+variant%3, 3
	if os.Getenv("LOCKWARDEN_CALLS") == "each" {
		first, step = 1, 1
	}
	return func(yield func(int) bool) {
		for call := first; yield(call); call += step {
		}
	}
}
