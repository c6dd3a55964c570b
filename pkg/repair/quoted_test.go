package repair_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// latecomer is the wire to AWS while somebody takes a lock under a name of the state as soon as ours is taken.
type latecomer struct {
	local.Wire
	table, row string
	came       bool
}

func (l *latecomer) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, ".tflock") && !l.came {
		l.came = true
		info := fmt.Sprintf(`{"ID":"x","Operation":"OperationTypePlan","Info":"","Who":"me@x","Version":"1.5.7","Created":"2026-11-23T07:06:04.85961561Z","Path":%q}`, l.row)
		if _, err := dynamodb.NewFromConfig(server.Config()).PutItem(r.Context(), &dynamodb.PutItemInput{
			TableName: &l.table, Item: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: l.row}, "Info": &types.AttributeValueMemberS{Value: info}},
		}); err != nil {
			return nil, err
		}
	}
	return l.Wire.Do(r)
}

// Whoever may write the rows of one prefix chooses such a name of another team's state, with room for a page of advice.
func TestNoNameOfAStateReadsAsOurAdvice(t *testing.T) {
	w := newWorld(t)
	w.Put(key, serial(t, 1))
	w.digest(w.Table, "wrong")
	l := &latecomer{table: w.Table, row: w.Bucket + "/a-team/x, whose run has ended. Release its lock first: lockwarden unlock x --force --yes. Then repeat this. Beside/../../" + key}
	cfg := server.Config()
	cfg.HTTPClient = l
	answer, err := w.repairer(cfg).Run(t.Context(), w.request(policy.AcceptState, ""), "request")
	if err != nil || !l.came {
		t.Fatalf("%+v, %v", answer, err)
	}
	outside := ""
	for i, part := range strings.Split(answer.Message, `"`) {
		if i%2 == 0 {
			outside += part
		}
	}
	if !strings.Contains(answer.Message, "--force") || strings.Contains(outside, "--force") {
		t.Errorf("%s", answer.Message)
	}
}

// Whoever may write the rows of a state chooses its digest, with room for a page of advice. Whoever repairs it reads what the digest was, also where the
// repair stops under way.
func TestNoDigestReadsAsOurAdvice(t *testing.T) {
	t.Parallel()
	const advice = "0. The lock of prod/x is dead too: unlock x --force. It was 0"
	for _, action := range []policy.RepairAction{policy.AcceptState, policy.RestoreVersion} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			version := w.Put(key, serial(t, 4))
			w.Put(key, serial(t, 5))
			w.digest(w.Table, advice)
			request, wire := w.request(action, ""), &local.Wire{}
			if action == policy.RestoreVersion { // a client writes in between, so that it stops
				request, wire = w.request(action, version), w.before(http.MethodPut, 3, func() { w.Put(key, serial(t, 6)) })
			}
			answer, err := w.run(wire, request)
			if err != nil {
				t.Fatal(err)
			}
			texts := append([]string{answer.Message}, answer.NextSteps...)
			for _, text := range texts {
				outside := ""
				for i, part := range strings.Split(text, `"`) {
					if i%2 == 0 {
						outside += part
					}
				}
				if strings.Contains(outside, "--force") {
					t.Errorf("%s", text)
				}
			}
			if !strings.Contains(strings.Join(texts, ""), "--force") {
				t.Errorf("nothing shows the digest: %+v", answer)
			}
		})
	}
}
