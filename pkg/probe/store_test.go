package probe_test

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// store is an S3 and a DynamoDB of one bucket and one table, which may be wrong in one way.
type store struct {
	versioning    string // Enabled, Suspended or empty
	ignoreCreate  bool   // it does not look at If-None-Match, or at the condition of a put
	ignoreDelete  bool   // it does not look at If-Match, or at the condition of a delete
	ignoreReplace bool   // it does not look at If-Match of a write, or at the condition of an update
	rejectReplace int    // status for writes with If-Match
	rejectCreate  int    // status for writes with If-None-Match
	rejectDelete  int    // status for deletes with If-Match
	markerBlocks  bool   // a delete marker counts as an object
	keeps         bool   // deletes with a condition are answered as done, and nothing is deleted
	deletesNone   bool   // a delete of what is not there is answered as done, whatever its condition
	collapses     bool   // it makes one slash of two in a key
	refusesTwo    int    // status for keys with two slashes
	denied        string // a method that is answered with 403
	failing       string // a method that is answered with 500

	mu      sync.Mutex
	objects map[string]string // what is there now
	markers map[string]bool
	old     map[string]int // versions and markers by key, where they are kept
	version int
	calls   []string
	rows    map[string]string
}

func serve(t *testing.T, s *store) (*s3.Client, *dynamodb.Client) {
	t.Helper()
	s.objects, s.markers, s.old, s.rows = map[string]string{}, map[string]bool{}, map[string]int{}, map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(s.handle))
	t.Cleanup(server.Close)
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("AKID", "x", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }), dynamodb.NewFromConfig(cfg)
}

func (s *store) handle(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	two := strings.Contains(r.URL.Path, "//")
	if s.collapses {
		r.URL.Path = strings.ReplaceAll(r.URL.Path, "//", "/")
	}
	target := r.Header.Get("X-Amz-Target")
	body, _ := io.ReadAll(r.Body)
	s.calls = append(s.calls, r.Method+target)
	switch {
	case r.Method == s.denied || (target != "" && strings.HasSuffix(target, s.denied) && s.denied != ""):
		refuse(w, http.StatusForbidden, "AccessDenied")
	case two && s.refusesTwo != 0:
		refuse(w, s.refusesTwo, "InvalidArgument")
	case r.Method == s.failing:
		refuse(w, http.StatusInternalServerError, "InternalError")
	case target != "":
		s.table(w, target, body)
	case r.URL.Query().Has("versioning"):
		fmt.Fprintf(w, "<VersioningConfiguration><Status>%s</Status></VersioningConfiguration>", s.versioning)
	case r.Method == http.MethodPut:
		s.put(w, r, string(body))
	case r.Method == http.MethodGet:
		text, there := s.objects[r.URL.Path]
		if !there {
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("Etag", tag(text))
		_, _ = io.WriteString(w, text)
	case r.Method == http.MethodDelete:
		s.delete(w, r)
	}
}

func (s *store) put(w http.ResponseWriter, r *http.Request, body string) {
	_, there := s.objects[r.URL.Path]
	there = there || s.markerBlocks && s.markers[r.URL.Path]
	conditional := r.Header.Get("If-None-Match") == "*"
	match := r.Header.Get("If-Match")
	switch {
	case match != "" && s.rejectReplace != 0:
		refuse(w, s.rejectReplace, "NotImplemented")
		return
	case match != "" && match != tag(s.objects[r.URL.Path]) && !s.ignoreReplace:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	case conditional && s.rejectCreate != 0:
		refuse(w, s.rejectCreate, "NotImplemented")
		return
	case conditional && there && !s.ignoreCreate:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	s.objects[r.URL.Path] = body
	delete(s.markers, r.URL.Path)
	w.Header().Set("Etag", tag(body))
	s.keep(w, r.URL.Path)
}

func (s *store) keep(w http.ResponseWriter, path string) {
	if s.versioning == "Enabled" {
		s.version++
		s.old[path]++
		w.Header().Set("X-Amz-Version-Id", fmt.Sprint(s.version))
	}
}

func (s *store) delete(w http.ResponseWriter, r *http.Request) {
	text, there := s.objects[r.URL.Path]
	condition := r.Header.Get("If-Match")
	switch {
	case r.URL.Query().Has("versionId"):
		s.old[r.URL.Path]--
	case condition != "" && s.rejectDelete != 0:
		refuse(w, s.rejectDelete, "NotImplemented")
		return
	case condition != "" && there && condition != tag(text) && !s.ignoreDelete:
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	case condition != "" && s.keeps:
	case condition != "" && !there && !s.ignoreDelete && !s.deletesNone:
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	default:
		delete(s.objects, r.URL.Path)
		if s.versioning == "Enabled" {
			s.markers[r.URL.Path] = true
			w.Header().Set("X-Amz-Delete-Marker", "true")
			s.keep(w, r.URL.Path)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *store) table(w http.ResponseWriter, target string, body []byte) {
	var in struct {
		Item, Key map[string]map[string]string
		Condition string                       `json:"ConditionExpression"`
		Values    map[string]map[string]string `json:"ExpressionAttributeValues"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		panic(err)
	}
	unmet := func() {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}`)
	}
	switch operation := target[strings.Index(target, ".")+1:]; operation {
	case "PutItem":
		id := in.Item["LockID"]["S"]
		if _, there := s.rows[id]; there && in.Condition != "" && !s.ignoreCreate {
			unmet()
			return
		}
		s.rows[id] = in.Item["Digest"]["S"]
	case "GetItem":
		if text, there := s.rows[in.Key["LockID"]["S"]]; there {
			fmt.Fprintf(w, `{"Item":{"LockID":{"S":%q},"Digest":{"S":%q}}}`, in.Key["LockID"]["S"], text)
			return
		}
	case "UpdateItem":
		id, want := in.Key["LockID"]["S"], in.Values[":digest"]["S"]
		text, there := s.rows[id]
		if met := there && (text == want || strings.HasPrefix(in.Condition, "begins_with") && strings.HasPrefix(text, want)); !met && !s.ignoreReplace {
			unmet()
			return
		}
		s.rows[id] = in.Values[":new"]["S"]
	case "DeleteItem":
		id := in.Key["LockID"]["S"]
		text, there := s.rows[id]
		want := in.Values[":digest"]["S"]
		met := in.Condition == "" || there && (text == want || strings.HasPrefix(in.Condition, "begins_with") && strings.HasPrefix(text, want))
		if !met && !s.ignoreDelete {
			unmet()
			return
		}
		delete(s.rows, id)
	}
	_, _ = io.WriteString(w, "{}")
}

func tag(text string) string { return fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum([]byte(text)))) }

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}
