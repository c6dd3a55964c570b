package unlock_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/unlock"
)

// Terraform up to 1.5 keeps // in its rows and stores the state under the cleaned key: a
// state that was written there a moment ago is this lock's, and its run may be alive.
func TestAStateIsFoundUnderTheKeyThatItIsStoredUnder(t *testing.T) {
	const id, key, stored = "78007e4f-7284-5b8c-b34c-620445a03e9c", "team//app/terraform.tfstate", "team/app/terraform.tfstate"
	w := newWorld(t)
	w.Lock(key, id, w.Set.Tables[0])
	w.scan()
	if _, err := server.S3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &w.Bucket, Key: aws.String(stored), Body: strings.NewReader("{}")}); err != nil {
		t.Fatal(err)
	}
	if err := server.Age(w.Bucket, stored, 5*time.Minute-w.ahead); err != nil { // five minutes ago, by the world's clock
		t.Fatal(err)
	}
	a, err := w.run(&local.Wire{}, request(w, id, `,"path":"`+string(w.Path(key))+`"`))
	if err != nil || a.Outcome != unlock.Refused || !strings.Contains(a.Message, "the state was written") {
		t.Errorf("%s: %s, %v", a.Outcome, a.Message, err)
	}
	if held := w.held(); len(held) != 1 {
		t.Errorf("left: %q", held)
	}
}
