package backend_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/lockwarden/lockwarden/pkg/backend"
)

// ownEndpoints are the endpoints of single services, as the SDK's clients ask for them.
type ownEndpoints map[string]string

func (e ownEndpoints) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	url, found := e[sdkID]
	return url, found, nil
}

// sent keeps the requests that clients would send.
type sent struct {
	mu       sync.Mutex
	requests []string // host, path and the name of the table
}

func (s *sent) Do(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var asked struct{ TableName string }
	if r.Body != nil {
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			return nil, err
		}
	}
	s.requests = append(s.requests, r.URL.Host+r.URL.Path+" "+asked.TableName)
	return nil, errors.New("no network here")
}

// One store may be outside of AWS and the other in it: a bucket is then in the path, and a table
// has its name alone, only where the endpoint is another than AWS's.
func TestEachKindOfStoreHasAnEndpointOfItsOwn(t *testing.T) {
	const table, bucket = "arn:aws:dynamodb:us-east-1:210987654321:table/locks", "arn:aws:s3:::states"
	for name, tc := range map[string]struct {
		endpoints     ownEndpoints
		table, bucket string
	}{
		"neither": {nil, `210987654321.ddb.us-east-1.amazonaws.com/ ` + table, "states.s3.us-east-1.amazonaws.com/a.tflock"},
		"buckets only": {
			ownEndpoints{"S3": "http://s3.corp.example:8333"},
			`210987654321.ddb.us-east-1.amazonaws.com/ ` + table,
			"s3.corp.example:8333/states/a.tflock",
		},
		"tables only": {
			ownEndpoints{"DynamoDB": "http://tables.corp.example:8000"},
			`tables.corp.example:8000/ locks`,
			"states.s3.us-east-1.amazonaws.com/a.tflock",
		},
		"an endpoint of AWS itself in a VPC knows tables of other accounts": {
			ownEndpoints{"DynamoDB": "https://vpce-1.dynamodb.us-east-1.vpce.amazonaws.com"},
			`vpce-1.dynamodb.us-east-1.vpce.amazonaws.com/ ` + table,
			"states.s3.us-east-1.amazonaws.com/a.tflock",
		},
	} {
		t.Run(name, func(t *testing.T) {
			wire := &sent{}
			cfg := aws.Config{
				Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKID", "x", ""), HTTPClient: wire,
				Retryer: func() aws.Retryer { return aws.NopRetryer{} }, ConfigSources: []any{tc.endpoints},
			}
			set, err := backend.Open(cfg, []string{table}, []string{bucket})
			if err != nil {
				t.Fatal(err)
			}
			for _, store := range set.All() {
				if _, _, err := store.Find(t.Context(), "states/a"); err == nil {
					t.Error("there is no network")
				}
			}
			if got := strings.Join(wire.requests, "\n"); !strings.Contains(got, tc.table) || !strings.Contains(got, tc.bucket) {
				t.Errorf("sent\n%s\nand not\n%s\n%s", got, tc.table, tc.bucket)
			}
		})
	}
}
