package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/lockwarden/lockwarden/pkg/ledger"
)

// 10,000 stores, as many tables as an account can have, fit into a row of the ledger.
func TestTheMemoryOfAnyNumberOfStoresFitsIntoARow(t *testing.T) {
	for _, n := range []int{0, 1, 40, 1_000, 10_000} {
		stores := map[string]ledger.Store{}
		for i := range n {
			arn := fmt.Sprintf("arn:aws:dynamodb:eu-central-1:123456789012:table/terraform-locks-of-%x-%d", i*7919, i)
			stores[arn] = ledger.Store{LastRead: now.Add(time.Duration(i) * time.Millisecond)}
		}
		value, err := ledger.PackStores(stores)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			size = len(v.Value)
		case *types.AttributeValueMemberB:
			size = len(v.Value)
		}
		if size > 380<<10 || size == 0 {
			t.Errorf("%d stores take %d bytes", n, size)
		}
		back, err := ledger.UnpackStores(value)
		if diff := cmp.Diff(stores, back); diff != "" || err != nil {
			t.Errorf("%d stores: %v, %s", n, err, diff)
		}
	}
}

func TestAStoresRowThatCannotBeRead(t *testing.T) {
	for name, value := range map[string]types.AttributeValue{
		"none": nil, "a number": &types.AttributeValueMemberN{Value: "5"}, "no JSON": &types.AttributeValueMemberS{Value: "{"},
		"null": &types.AttributeValueMemberS{Value: "null"}, "not compressed": &types.AttributeValueMemberB{Value: []byte("x")}, "empty": &types.AttributeValueMemberB{},
	} {
		if stores, _ := ledger.UnpackStores(value); stores == nil || len(stores) != 0 {
			t.Errorf("%s: %v", name, stores)
		}
	}
}
