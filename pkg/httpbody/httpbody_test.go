package httpbody_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lockwarden/lockwarden/pkg/httpbody"
)

// busy is a connection of a process that gets no processor after it has sent something.
type busy struct{ net.Conn }

func (b busy) Write(p []byte) (int, error) {
	n, err := b.Conn.Write(p)
	time.Sleep(50 * time.Millisecond)
	return n, err
}

func TestAnAnswerThatIsFasterThanItsRequestIsNotLost(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "2")
		w.(http.Flusher).Flush()
		time.Sleep(200 * time.Millisecond) // the rest comes once the request is sent
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	dialer := &net.Dialer{}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		return busy{c}, err
	}}}
	table := dynamodb.NewFromConfig(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: aws.AnonymousCredentials{},
		HTTPClient: httpbody.Plain(client), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})
	name := "locks"
	if _, err := table.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &name, Key: map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: "b/k"}}}); err != nil {
		t.Error(err)
	}
}

// config.LoadDefaultConfig leaves the client to the SDK.
func TestWithoutAClientTheSDKsOwnIsUsed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := httpbody.Plain(nil).Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
}
