package main_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lockwarden/lockwarden/infra/local"
	"github.com/lockwarden/lockwarden/pkg/alert"
	"github.com/lockwarden/lockwarden/pkg/inventory"
	"github.com/lockwarden/lockwarden/pkg/policy"
)

// site is a deployed stack, and everything that its functions said.
type site struct {
	*testing.T
	stack *local.Stack
	said  map[string]string // by what said it
	heard int               // messages that news has given
}

func newSite(t *testing.T) *site {
	t.Helper()
	return &site{T: t, stack: local.ForTest(t, nil), said: map[string]string{}}
}

// invoke runs a function as Lambda does, and keeps what it says.
func (s *site) invoke(function, logicalID, payload string) local.Result {
	s.Helper()
	result, err := s.stack.Invoke(s.Context(), function, logicalID, payload)
	if err != nil {
		s.Fatal(err)
	}
	s.said[function+" answers"] += result.Payload + "\n"
	s.said[function+" logs"] += result.Log + "\n"
	return result
}

// inventory makes one that must succeed.
func (s *site) inventory() inventory.Report {
	s.Helper()
	result := s.invoke("inventory", "InventoryFunction", "{}")
	var report inventory.Report
	if err := json.Unmarshal([]byte(result.Payload), &report); err != nil || result.Failed {
		s.Fatalf("%v: %s\n%s", err, result.Payload, result.Log)
	}
	return report
}

func (s *site) bucket() string { return s.stack.Outputs["StateBucketName"] }

func (s *site) path(key string) string { return s.bucket() + "/" + key }

// put writes a state, without its digest, and returns its version.
func (s *site) put(key, content string) string {
	s.Helper()
	out, err := s.stack.AWS().S3().PutObject(s.Context(), &s3.PutObjectInput{Bucket: aws.String(s.bucket()), Key: &key, Body: strings.NewReader(content)})
	if err != nil {
		s.Fatal(err)
	}
	return aws.ToString(out.VersionId)
}

func (s *site) digest(key, content string) {
	s.Helper()
	if err := s.stack.AWS().SetDigest(s.Context(), s.stack.Outputs["LockTableName"], s.path(key), local.MD5(content)); err != nil {
		s.Fatal(err)
	}
}

// news are the events since the last call, each with its type and its findings by type and
// key.
func (s *site) news() []string {
	s.Helper()
	messages, err := s.stack.AWS().Published(s.stack.Outputs["AlertTopicArn"])
	if err != nil {
		s.Fatal(err)
	}
	list := []string{}
	for _, m := range messages[s.heard:] {
		var e alert.Event
		if err := json.Unmarshal([]byte(m.Texts["default"]), &e); err != nil {
			s.Fatal(err)
		}
		if !strings.HasPrefix(string(e.Type), "state.finding") {
			continue
		}
		text := string(e.Type)
		for _, f := range e.Findings {
			text += " " + s.named(f)
		}
		list = append(list, text)
	}
	s.heard = len(messages)
	slices.Sort(list)
	return list
}

func (s *site) named(f policy.StateFinding) string {
	return string(f.Type) + " of " + strings.ReplaceAll(f.Named(), s.bucket()+"/", "")
}

func (s *site) found(r inventory.Report) []string {
	list := []string{}
	for _, f := range r.Findings {
		list = append(list, s.named(f))
	}
	slices.Sort(list)
	return list
}

func (s *site) want(what string, got []string, want ...string) {
	s.Helper()
	if slices.Sort(want); !slices.Equal(got, want) {
		s.Errorf("%s: got %q, want %q", what, got, want)
	}
}
