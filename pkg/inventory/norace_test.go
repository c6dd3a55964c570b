//go:build !race

package inventory_test

const raced = 1
