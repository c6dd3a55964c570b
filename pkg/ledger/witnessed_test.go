package ledger_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lockwarden/lockwarden/pkg/ledger"
	"github.com/lockwarden/lockwarden/pkg/policy"
	"github.com/lockwarden/lockwarden/pkg/tflock"
)

// batches answers BatchGetItem with one status, and for each key with a row of this body.
type batches struct {
	status int
	body   string // empty: there is no row
}

func (b batches) Do(r *http.Request) (*http.Response, error) {
	var request struct {
		RequestItems map[string]struct {
			Keys []map[string]map[string]string
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	rows := map[string][]map[string]map[string]string{}
	for name, wanted := range request.RequestItems {
		for _, key := range wanted.Keys {
			if b.body != "" {
				key["body"] = map[string]string{"S": b.body}
				rows[name] = append(rows[name], key)
			}
		}
	}
	text, err := json.Marshal(map[string]any{"Responses": rows, "UnprocessedKeys": map[string]any{}})
	return &http.Response{StatusCode: b.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(string(text))), Request: r}, err
}

// flooded is a ledger that fails after its first answer.
type flooded struct {
	batches
	asked *int
}

func (f flooded) Do(r *http.Request) (*http.Response, error) {
	if *f.asked++; *f.asked > 1 {
		f.status = http.StatusInternalServerError
	}
	return f.batches.Do(r)
}

// Whoever may write under one prefix cannot use up the records that are read of another one's
// locks: neither where there are too many for one scan, nor where the ledger fails meanwhile.
func TestJunkOfOnePrefixHidesNoOthersSession(t *testing.T) {
	for name, junk := range map[string]int{"more than are read": 1500, "the ledger fails": 600} {
		t.Run(name, func(t *testing.T) {
			lock := func(path tflock.Path) policy.Case {
				return policy.Case{Lock: tflock.Lock{Path: path, ID: "x", Holdings: []tflock.Holding{{Kind: tflock.S3, Path: path, ETag: `"e"`}}}}
			}
			var cases []policy.Case
			for i := range junk {
				cases = append(cases, lock(tflock.Path(fmt.Sprint("b/env:/junk/", i))))
			}
			cases = append(cases, lock("b/env:/production/x"))
			client := flooded{batches{200, ""}, new(int)}
			w := ledger.NewWitnesses(dynamodb.NewFromConfig(aws.Config{
				Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), HTTPClient: client, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
			}), "ledger")
			if _, err := w.AddTo(t.Context(), cases); err == nil {
				t.Fatal("the ledger did not fail")
			}
			if problem := cases[junk].WitnessProblem; problem != "" {
				t.Error(problem)
			}
			if cases[junk-1].WitnessProblem == "" {
				t.Error("the last of the junk was read")
			}
		})
	}
}

// A session that could not be read is not taken for none: each lock whose record may be
// there says so, and no other.
func TestASessionThatCouldNotBeReadIsNotNone(t *testing.T) {
	for name, tc := range map[string]struct {
		answers batches
		locks   int
		unread  func(n int) bool
	}{
		"the ledger fails":              {batches{500, ""}, 150, func(int) bool { return true }},
		"a record that is not decoded":  {batches{200, "no JSON"}, 3, func(int) bool { return true }},
		"no record":                     {batches{200, ""}, 3, func(int) bool { return false }},
		"as many locks as a scan keeps": {batches{200, ""}, 1000, func(int) bool { return false }},
		"more locks than are read":      {batches{200, ""}, 1002, func(n int) bool { return n >= 1000 }},
	} {
		t.Run(name, func(t *testing.T) {
			w := ledger.NewWitnesses(dynamodb.NewFromConfig(aws.Config{
				Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), HTTPClient: tc.answers, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
			}), "ledger")
			cases := []policy.Case{{Lock: tflock.Lock{Path: "b/row", ID: "x", Holdings: []tflock.Holding{{Kind: tflock.DynamoDB}}}}}
			for i := range tc.locks {
				path := tflock.Path(fmt.Sprint("b/", i))
				cases = append(cases, policy.Case{Lock: tflock.Lock{Path: path, ID: "x", Holdings: []tflock.Holding{{Kind: tflock.S3, Path: path, ETag: `"e"`}}}})
			}
			if _, err := w.AddTo(t.Context(), cases); (err != nil) != (tc.answers.status == 500) {
				t.Fatal(err)
			}
			if cases[0].WitnessProblem != "" {
				t.Errorf("a row without an object has no session: %s", cases[0].WitnessProblem)
			}
			for i, c := range cases[1:] {
				if (c.WitnessProblem != "") != tc.unread(i) || c.Witness != nil {
					t.Errorf("lock %d: %q, %v", i, c.WitnessProblem, c.Witness)
				}
			}
		})
	}
}
