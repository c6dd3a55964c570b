package tflock_test

import (
	"fmt"

	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// What a person pastes is the client's error, with its frame.
func ExampleParseReference() {
	ref, err := tflock.ParseReference(`│ Error: Error acquiring the state lock
│
│ Lock Info:
│   ID:        78007e4f-7284-5b8c-b34c-620445a03e9c
│   Path:      acme-states/prod/terraform.tfstate
│   Operation: OperationTypeApply
│   Who:       ada@laptop`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ref.ID)
	fmt.Println(ref.Path)
	// Output:
	// 78007e4f-7284-5b8c-b34c-620445a03e9c
	// acme-states/prod/terraform.tfstate
}
