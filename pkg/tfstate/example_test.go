package tfstate_test

import (
	"fmt"
	"strings"

	"github.com/lockwarden/lockwarden/pkg/tfstate"
)

// After terraform destroy a state has nothing left in it.
func ExampleRead() {
	state, err := tfstate.Read(strings.NewReader(`{"version": 4, "terraform_version": "1.11.4", "serial": 7,
		"lineage": "5c6f6f4e-0000-0000-0000-000000000000", "outputs": {}, "resources": [], "check_results": null}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("serial:", state.Serial)
	fmt.Println("empty:", state.Condition == tfstate.Empty)
	// Output:
	// serial: 7
	// empty: true
}
