package deploycheck

import "slices"

// All is everything that is found of a template that is deployed in a place.
func All(d Deployed) []Problem {
	return slices.Concat(Rights(d), Sizes(d), Foreign(d))
}
